import JSON
import KubeObjects

/// What a project-domain comes to in one data plane.
public struct RenderedNamespace: Sendable {
    /// In the order in which to apply them: the Namespace first, then what others refer to.
    public var objects: [DesiredObject]
    /// Template objects that can't be applied there; the others are not kept from it.
    public var refused: [Refusal]

    public struct Refusal: Sendable, Hashable {
        /// "ab_quota.yaml, line 1: ResourceQuota (v1) project-quota".
        public var object: String
        public var reason: FailureReason
        public var message: String
    }
}

/// Makes the objects of project-domains for one data plane. Made anew when templates, identity or kinds change; then
/// used for thousands of namespaces.
public struct Renderer: Sendable {
    private let templates: TemplateSet
    private let identity: (key: String, pattern: Pattern)?
    private let controlPlaneUID: String
    private let kinds: KindTable
    private let allowsClusterScoped: Bool

    /// - Parameters:
    ///   - identity: the data plane's, else the registry's.
    ///   - kinds: what the data plane serves, as far as it is known.
    ///   - allowsClusterScoped: whether templates may have cluster-scoped objects other than their Namespace.
    public init(
        templates: TemplateSet, identity: WorkloadIdentity?, controlPlaneUID: String, kinds: KindTable = .wellKnown,
        allowsClusterScoped: Bool = false
    ) {
        self.templates = templates
        self.allowsClusterScoped = allowsClusterScoped
        self.identity = identity?.annotation.map { ($0.key, Pattern($0.text)) }
        self.controlPlaneUID = controlPlaneUID
        self.kinds = kinds
    }

    /// Fails where a placeholder has no value: then nothing of the project-domain is to be applied.
    public func render(
        _ key: ProjectDomain, namespace: String, values: [String: String]
    ) throws(TemplateFailure) -> RenderedNamespace {
        try templates.checkResolved(values)
        var work = Work(
            labels: Ownership.labels(key), namespace: namespace, allowsClusterScoped: allowsClusterScoped)
        for document in templates.documents {
            let json = try document.root.render(Substitution(values: values), file: document.file)
            work.add(json, document, kinds[document.kind])
        }
        work.overlay(.namespace, name: namespace, annotation: (Ownership.controlPlaneAnnotation, controlPlaneUID))
        if let identity {
            let text = try identity.pattern.text { name throws(TemplateFailure) in
                guard let value = values[name] else {
                    let message = "no value for {{ \(name) }}"
                    throw TemplateFailure(.placeholderUnresolved, file: "spec.workloadIdentity", line: 0, message)
                }
                return value
            }
            work.overlay(.serviceAccount, name: "default", annotation: (identity.key, text))
        }
        return work.finish()
    }

    private struct Work {
        struct Place: Hashable {
            var type: ResourceType
            var name: String
        }
        let labels: [String: String]
        let namespace: String
        let allowsClusterScoped: Bool
        var objects: [Place: JSON] = [:]
        var order: [Place] = []
        var refused: [RenderedNamespace.Refusal] = []

        mutating func add(_ json: JSON, _ document: TemplateDocument, _ type: ResourceType?) {
            let name = json[path: ["metadata", "name"]]?.string ?? ""
            func refuse(_ reason: FailureReason, _ message: String) {
                let object = "\(document.file), line \(document.line): \(document.kind) \(name.shortForMessage)"
                refused.append(.init(object: object, reason: reason, message: message))
            }
            if name.isEmpty || name.utf8.count > 253 || name == "." || name == ".." || name.contains("/")
                || name.contains("%")
            {
                return refuse(.invalid, "metadata.name: \(name.quotedForMessage) is no name")
            }
            guard let type else { return refuse(.kindNotServed, "the data plane doesn't serve \(document.kind)") }
            if type == .namespace {
                guard name == namespace else {
                    return refuse(.templateInvalid, "names another namespace, \(name.shortForMessage)")
                }
            } else if !type.isNamespaced {
                guard allowsClusterScoped else {
                    let message = "is cluster-scoped, and the ClusterRegistry does not say allowClusterScoped"
                    return refuse(.templateInvalid, message)
                }
            } else if let other = json[path: ["metadata", "namespace"]], other != .string(namespace), !other.isNull {
                return refuse(.templateInvalid, "names another namespace, \((other.string ?? "").quotedForMessage)")
            }
            let place = Place(type: type, name: name)
            guard objects[place] == nil else { return refuse(.templateInvalid, "is there twice in the templates") }
            objects[place] = json
            order.append(place)
        }

        /// Adds an annotation to an object, which is made if no template has it.
        mutating func overlay(_ type: ResourceType, name: String, annotation: (key: String, value: String)) {
            let place = Place(type: type, name: name)
            if objects[place] == nil { order.append(place) }
            var object =
                objects[place] ?? [
                    "apiVersion": .string(type.apiVersion), "kind": .string(type.kind),
                    "metadata": ["name": .string(name)],
                ]
            object[path: ["metadata", "annotations", annotation.key]] = .string(annotation.value)
            objects[place] = object
        }

        func finish() -> RenderedNamespace {
            let sorted = order.enumerated().sorted {
                (ApplyOrder.rank($0.element.type), $0.offset) < (ApplyOrder.rank($1.element.type), $1.offset)
            }
            let ready = sorted.compactMap { _, place -> DesiredObject? in
                guard var json = objects[place] else { return nil }
                // Flyte's template has this; every Namespace has it anyway, and without it metadata is all that there
                // is.
                if place.type == .namespace, json["spec"] == ["finalizers": ["kubernetes"]] { json["spec"] = nil }
                json.takeStoredForm(as: place.type)
                for (key, value) in labels { json[path: ["metadata", "labels", key]] = .string(value) }
                if place.type.isNamespaced { json[path: ["metadata", "namespace"]] = .string(namespace) }
                return DesiredObject(
                    type: place.type, namespace: place.type.isNamespaced ? namespace : nil, name: place.name, json: json
                )
            }
            return RenderedNamespace(objects: ready, refused: refused)
        }
    }
}

/// What is referred to comes before what refers to it; limits come before what they limit.
public enum ApplyOrder {
    public static func rank(_ type: ResourceType) -> Int {
        switch type.kind {
        case "Namespace": 0
        case "ResourceQuota", "LimitRange", "NetworkPolicy": 1
        case "Secret", "ConfigMap": 2
        case "ServiceAccount": 3
        case "Role": 4
        case "RoleBinding": 5
        case "PersistentVolumeClaim", "Service": 6
        default: 7
        }
    }
}
