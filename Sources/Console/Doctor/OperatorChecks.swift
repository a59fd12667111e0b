import Fleet
import JSON
import KubeObjects
import Support

/// Checks of what the operator itself needs.
enum OperatorChecks {
    private static let apply = "apply the CRDs of this version: helm upgrade, or kubectl apply -k manifests/crds"

    static func definitions(_ facts: DoctorFacts) -> Diagnosis {
        var diagnosis = Diagnosis()
        for type in ControlPlaneReader.kinds {
            let name = "CRD \(type)"
            switch facts.definitions[type.kind] ?? .unasked {
            case .unasked: break
            case .unreadable(let why): diagnosis.fail(name, why)
            case .absent: diagnosis.find(name, "is not there", do: apply)
            case .present(let json):
                let conditions = (json[path: ["status", "conditions"]]?.array ?? []).compactMap(
                    Condition.init(lenient:))
                if let established = conditions.first(where: { $0.type == "Established" }),
                    established.status != .isTrue
                {
                    diagnosis.find(name, "is not established: \(established.message)", do: "look at its conditions")
                }
                let missing = SpecFields.missing(in: json, of: type)
                if let missing, !missing.isEmpty {
                    let message =
                        "lacks fields of this version: \(missing.listed(limit: 8)); they are lost when objects are stored"
                    diagnosis.find(name, message, do: apply)
                } else if missing == nil {
                    diagnosis.find(name, "does not serve \(type.version)", do: apply)
                }
            }
        }
        return diagnosis
    }

    static func leader(_ facts: DoctorFacts) -> Diagnosis {
        var diagnosis = Diagnosis()
        let (subject, action) = (
            "Lease squadron",
            "kubectl -n \(facts.objects.namespace) get pods -l app.kubernetes.io/name=squadron, and their logs"
        )
        switch facts.lease {
        case .unasked: break
        case .unreadable(let why): diagnosis.fail(subject, why)
        case .absent:
            diagnosis.find(
                subject, "is not there: no operator with leader election has run in this namespace", do: action)
        case .present(let lease):
            guard let leader = FleetOverview.Leader(lease, now: facts.now), leader.isAway else { break }
            let since = leader.renewed.map { "was renewed \(Age.since($0, now: facts.now)) ago" } ?? "was never renewed"
            let holder = leader.holder.isEmpty ? "has no holder, and " : "of \(leader.holder) "
            diagnosis.find(subject, "\(holder)\(since): no operator leads, and statuses are as they were", do: action)
        }
        return diagnosis
    }

    static func rights(_ facts: DoctorFacts) -> Diagnosis {
        var diagnosis = Diagnosis()
        let subject = "ServiceAccount squadron"
        switch facts.missingRights {
        case .unreadable(let why): diagnosis.fail(subject, why)
        case .present(let missing) where !missing.isEmpty:
            diagnosis.find(
                subject, "may not: \(missing.listed(limit: 12))",
                do: "squadron rbac --only control-plane | kubectl apply -f -, or switch on the component that has them")
        case .present, .absent, .unasked: break
        }
        return diagnosis
    }

    /// The largest difference of clocks, in seconds. Tokens and certificates have times in them.
    static let largestDifference = 60.0

    static func clocks(_ facts: DoctorFacts) -> Diagnosis {
        var diagnosis = Diagnosis()
        let all =
            [("the control plane", facts.clock)]
            + facts.dataPlanes.sorted { $0.key < $1.key }.map { ("DataPlane \($0.key)", $0.value.clock) }
        for (subject, clock) in all {
            switch clock {
            case .unreadable(let why): diagnosis.fail(subject, why)
            case .present(let ahead) where abs(ahead) > largestDifference:
                let way = ahead > 0 ? "ahead of" : "behind"
                diagnosis.find(
                    subject, "its clock is \(Age.text(abs(ahead))) \(way) the one here",
                    do: "set the clocks by NTP, there or here: tokens and certificates depend on them")
            case .present, .absent, .unasked: break
            }
        }
        return diagnosis
    }

    static func registry(_ facts: DoctorFacts) -> Diagnosis {
        var diagnosis = Diagnosis()
        if let why = facts.unlisted[ResourceType.clusterRegistries.kind] {
            diagnosis.fail("ClusterRegistry", why)
            return diagnosis
        }
        if facts.objects.registry == nil {
            diagnosis.find(
                "ClusterRegistry flyte", "is not there, so that the defaults hold: nothing is published",
                do: "make one, named flyte; `squadron import` prints one for a running Flyte")
        }
        for object in facts.objects[.clusterRegistries] where object.metadata.name != ClusterRegistry.theName {
            diagnosis.find("ClusterRegistry \(object.metadata.name)", "is ignored: only flyte counts", do: "delete it")
        }
        for problem in facts.objects.decoded(ClusterRegistry.self).problems {
            diagnosis.find("ClusterRegistry", problem, do: "correct the field")
        }
        return diagnosis
    }

    static func configMaps(_ facts: DoctorFacts) -> Diagnosis {
        let registry = facts.registry
        var wanted: [(name: String, field: String)] = []
        if !registry.templatesConfigMap.isEmpty { wanted.append((registry.templatesConfigMap, "templatesConfigMap")) }
        if let source = registry.importFrom { wanted.append((source.name, "importFrom")) }
        if wanted.isEmpty { return .skipped("the registry names none") }
        var diagnosis = Diagnosis()
        for (name, field) in wanted {
            switch facts.configMaps[name] ?? .unasked {
            case .absent:
                diagnosis.find(
                    "ConfigMap \(name)", "is not there, and spec.\(field) names it",
                    do:
                        "make it again; Flyte's chart takes it away with cluster_resource_manager.enabled: false, so keep a "
                        + "copy under another name")
            case .unreadable(let why): diagnosis.fail("ConfigMap \(name)", why)
            case .present(let json):
                guard let source = registry.importFrom, field == "importFrom" else { break }
                if json[path: ["data", source.key]] == nil {
                    diagnosis.find(
                        "ConfigMap \(name)", "has no key \(source.key), which spec.importFrom names",
                        do: "correct the key")
                }
            case .unasked: break
            }
        }
        return diagnosis
    }
}

/// The fields of our specs, as this program knows them.
enum SpecFields {
    static func names(of type: ResourceType) -> [String] {
        let spec: Any? =
            switch type {
            case .clusterRegistries: ClusterRegistrySpec()
            case .dataPlanes: DataPlaneSpec()
            case .executionLabels: ExecutionLabelSpec(clusters: [])
            case .executionClusterLabels: ExecutionClusterLabelSpec(project: "", domain: "", value: "")
            case .flyteProjects: FlyteProjectSpec(project: "")
            default: nil
            }
        return spec.map { Mirror(reflecting: $0).children.compactMap(\.label) } ?? []
    }

    /// The fields that the CRD lacks. Nil if it does not serve the version.
    static func missing(in definition: JSON, of type: ResourceType) -> [String]? {
        let versions = definition[path: ["spec", "versions"]]?.array ?? []
        guard let version = versions.first(where: { $0["name"]?.string == type.version }), version["served"] != false
        else {
            return nil
        }
        let path = ["schema", "openAPIV3Schema", "properties", "spec", "properties"]
        let there = version[path: path]?.object ?? [:]
        return names(of: type).filter { there[$0] == nil }
    }
}
