import JSON

/// What a CRD says about its versions: which one is stored, which ones were stored, and which ones are deprecated.
enum CustomResourceVersions {
    /// The first version that is marked for storage, as the only element. Empty if there is none.
    static func storage(_ spec: JSON) -> [JSON] {
        let marked = (spec["versions"]?.array ?? []).first { $0["storage"]?.bool == true }
        return marked?["name"].map { [$0] } ?? []
    }

    static func errors(_ spec: JSON, status: JSON?) -> [FieldError] {
        let versions = spec["versions"]?.array ?? []
        let names = versions.map { $0["name"]?.string ?? "" }
        let storage = versions.filter { $0["storage"]?.bool == true }.compactMap { $0["name"]?.string }
        var errors: [FieldError] = []
        if Set(names).count != names.count {
            errors.append(.invalid("spec.versions", internalForm(versions), "must contain unique version names"))
        }
        if storage.count != 1 {
            let why = "must have exactly one version marked as storage version"
            errors.append(.invalid("spec.versions", internalForm(versions), why))
        }
        if let strategy = spec["conversion"]?["strategy"], strategy != "None", strategy != "Webhook" {
            errors.append(.unsupported("spec.conversion.strategy", strategy, ["None", "Webhook"]))
        }
        if let conversion = spec["conversion"], conversion["strategy"] == "Webhook" {
            if conversion["webhook"]?["clientConfig"] == nil {
                let why = "required when strategy is set to Webhook"
                errors.append(.required("spec.conversion.webhookClientConfig", why))
            }
            if conversion["webhook"]?["conversionReviewVersions"]?.array?.isEmpty ?? true {
                errors.append(.required("spec.conversion.conversionReviewVersions"))
            }
        }
        return errors + storedVersionErrors(status?["storedVersions"]?.array ?? [], names: names, storage: storage)
    }

    /// A version in which objects may be stored must stay, until somebody has written these objects again and says so in the
    /// status.
    private static func storedVersionErrors(_ stored: [JSON], names: [String], storage: [String]) -> [FieldError] {
        let path = "status.storedVersions"
        if stored.isEmpty { return [.invalid(path, .null, "must have at least one stored version")] }
        var errors: [FieldError] = []
        for name in storage where !stored.contains(.string(name)) {
            errors.append(.invalid(path, .array(stored), "must have the storage version \(name)"))
        }
        for (index, version) in stored.enumerated() {
            guard let name = version.string, !names.contains(name) else { continue }
            errors.append(
                .invalid(
                    "\(path)[\(index)]", version,
                    "missing from spec.versions; \(name) was previously a storage version, and must remain in spec.versions "
                        + "until a storage migration ensures no data remains persisted in \(name) and removes \(name) from "
                        + path))
        }
        return errors
    }

    /// The real server shows its internal type here, with Go's names. That type has the common fields of the versions
    /// elsewhere.
    private static func internalForm(_ versions: [JSON]) -> JSON {
        .array(
            versions.map { version in
                [
                    "Name": version["name"] ?? "", "Served": version["served"] ?? false,
                    "Storage": version["storage"] ?? false, "Deprecated": version["deprecated"] ?? false,
                    "DeprecationWarning": version["deprecationWarning"] ?? .null, "Schema": .null,
                    "Subresources": .null, "AdditionalPrinterColumns": .null, "SelectableFields": .null,
                ]
            })
    }

    /// The warning for requests to a deprecated version. It names the best version that is not deprecated.
    static func deprecation(of name: String, _ versions: [JSON], group: String, kind: String) -> String {
        let others = versions.filter { $0["served"]?.bool == true && $0["deprecated"]?.bool != true }
            .compactMap { $0["name"]?.string }
            .filter { KubeVersion.isPreferred($0, name) }
            .sorted(by: KubeVersion.isPreferred)
        let text = "\(group)/\(name) \(kind) is deprecated"
        return others.first.map { "\(text); use \(group)/\($0) \(kind)" } ?? text
    }
}
