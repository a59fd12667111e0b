import JSON
import KubeObjects

/// The content of a project-domain in one data plane.
public struct RenderedNamespace: Sendable {
    /// In the order of application: the Namespace first, and an object before others that refer to it.
    public var objects: [DesiredObject]
    /// The objects that can't be applied there, each with its reason. They don't hold back the others. But if the
    /// Namespace is one of them, `objects` is empty, since all others need it.
    public var refused: [Refusal]

    public struct Refusal: Sendable, Hashable {
        /// For example "ab_quota.yaml, line 1: ResourceQuota (v1) project-quota".
        public var object: String
        public var reason: FailureReason
        public var message: String
    }
}

/// Makes the objects of project-domains for one data plane. A new renderer is made when templates, identity or kinds
/// change, and then serves thousands of namespaces.
public struct Renderer: Sendable {
    private let templates: TemplateSet
    private let identity: Identity?
    private let controlPlaneUID: String
    private let kinds: RESTMapper
    private let allowsClusterScoped: Bool

    /// - Parameters:
    ///   - identity: the data plane's own, or else the registry's.
    ///   - kinds: the kinds that the data plane serves, as far as they are known.
    ///   - allowsClusterScoped: whether templates may have cluster-scoped objects besides their Namespace.
    public init(
        templates: TemplateSet, identity: WorkloadIdentity?, controlPlaneUID: String, kinds: RESTMapper = .wellKnown,
        allowsClusterScoped: Bool = false
    ) {
        self.templates = templates
        self.allowsClusterScoped = allowsClusterScoped
        self.identity = identity?.annotation.map {
            Identity(key: $0.key, pattern: Pattern($0.text.withoutWhiteSpaceAround).asPlainScalar)
        }
        self.controlPlaneUID = controlPlaneUID
        self.kinds = kinds
    }

    /// Renders the objects. An object with a placeholder without a value is held back, and so are objects that need it.
    ///
    /// - Parameters:
    ///   - missing: why a value is missing, by its name, if that is known.
    ///   - copies: the Secrets that every namespace gets.
    public func render(
        _ key: ProjectDomain, namespace: String, values: [String: String], missing: [String: String] = [:],
        copies: [ReplicatedContent] = []
    ) -> RenderedNamespace {
        var work = Work(
            labels: Ownership.labels(key), namespace: namespace, allowsClusterScoped: allowsClusterScoped,
            isIncomplete: templates.isIncomplete)
        for document in templates.documents {
            if kinds[document.kind] == nil, let why = kinds.unanswered[document.kind.apiVersion] {
                work.keepBack(document, nil, .serverError, why, values)
                continue
            }
            let unresolved = document.unresolved(values)
            guard unresolved.isEmpty else {
                let message = Self.message(unresolved.map(\.name), missing) + " (line \(unresolved[0].line))"
                work.keepBack(document, kinds[document.kind], .placeholderUnresolved, message, values)
                continue
            }
            do throws(TemplateFailure) {
                let json = try document.root.render(Substitution(values: values), file: document.file)
                work.add(json, document, kinds[document.kind])
            } catch {
                work.keepBack(document, kinds[document.kind], error.reason, error.description, values)
            }
        }
        work.overlay(.namespace, name: namespace, annotation: (Ownership.controlPlaneAnnotation, controlPlaneUID))
        if let identity {
            let unresolved = identity.pattern.names.filter { values[$0] == nil }
            if unresolved.isEmpty {
                let text = identity.pattern.text { values[$0] ?? "" }
                work.overlay(.serviceAccount, name: "default", annotation: (identity.key, text))
            } else {
                // The account would look finished without its role, so it is held back as one object.
                work.keepBack(
                    .init(type: .serviceAccount, name: "default"), as: "spec.workloadIdentity", .placeholderUnresolved,
                    Self.message(unresolved, missing))
            }
        }
        for copy in copies { work.add(copy) }
        return work.finish()
    }

    private static func message(_ names: [String], _ missing: [String: String]) -> String {
        let reasons = names.compactMap { name in missing[name].map { "\(name): \($0)" } }
        let list = names.map { "{{ \($0) }}" }.listed()
        return "no value for \(list)" + (reasons.isEmpty ? "" : "; " + reasons.listed())
    }

    private struct Identity: Sendable {
        var key: String
        var pattern: Pattern
    }

    private struct Work {
        struct Place: Hashable {
            var type: ResourceType
            var name: String
        }
        let labels: [String: String]
        let namespace: String
        let allowsClusterScoped: Bool
        /// Some templates are not known. They may have more fields for objects that are made here without them.
        let isIncomplete: Bool
        var objects: [Place: JSON] = [:]
        var order: [Place] = []
        /// Objects that are made here because no known template has them.
        var standIns: Set<Place> = []
        var keptBack: Set<Place> = []
        var copies: [Place: ReplicatedContent] = [:]
        var refused: [RenderedNamespace.Refusal] = []

        /// Refuses an object that can't be rendered, under its name as far as that can be told.
        mutating func keepBack(
            _ document: TemplateDocument, _ type: ResourceType?, _ reason: FailureReason, _ message: String,
            _ values: [String: String]
        ) {
            let written = document.writtenName
            let object = "\(document.file), line \(document.line): \(document.kind) \(written.shortForMessage)"
            let name = Pattern(written)
            if let type, name.names.allSatisfy({ values[$0] != nil }) {
                keepBack(.init(type: type, name: name.text { values[$0] ?? "" }), as: object, reason, message)
            } else if type == .namespace {
                // A template can only have this Namespace.
                keepBack(.init(type: .namespace, name: namespace), as: object, reason, message)
            } else {
                refused.append(.init(object: object, reason: reason, message: message))
            }
        }

        mutating func keepBack(_ place: Place, as object: String, _ reason: FailureReason, _ message: String) {
            keptBack.insert(place)
            objects[place] = nil
            refused.append(.init(object: object, reason: reason, message: message))
        }

        mutating func add(_ json: JSON, _ document: TemplateDocument, _ type: ResourceType?) {
            let name = json[path: ["metadata", "name"]]?.string ?? ""
            func refuse(_ reason: FailureReason, _ message: String) {
                let object = "\(document.file), line \(document.line): \(document.kind) \(name.shortForMessage)"
                refused.append(.init(object: object, reason: reason, message: message))
            }
            if name.isEmpty || name.utf8.count > 253 || name == "." || name == ".." || name.contains("/")
                || name.contains("%")
            {
                return refuse(.invalid, "metadata.name: \(name.quotedForMessage) is not a valid name")
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
            guard objects[place] == nil, !keptBack.contains(place) else {
                return refuse(.templateInvalid, "appears twice in the templates")
            }
            objects[place] = json
            order.append(place)
        }

        mutating func add(_ copy: ReplicatedContent) {
            let place = Place(type: Secret.resourceType, name: copy.name)
            guard objects[place] == nil, !keptBack.contains(place) else {
                return refused.append(
                    .init(
                        object: "spec.replicateSecrets: Secret \(copy.name.shortForMessage)", reason: .templateInvalid,
                        message: "the templates have a Secret of that name, which is applied instead"))
            }
            copies[place] = copy
            order.append(place)
        }

        /// Adds an annotation to an object. The object is made if no template has it.
        mutating func overlay(_ type: ResourceType, name: String, annotation: (key: String, value: String)) {
            let place = Place(type: type, name: name)
            if keptBack.contains(place) { return }
            if objects[place] == nil {
                order.append(place)
                if isIncomplete { standIns.insert(place) }
            }
            var object =
                objects[place] ?? [
                    "apiVersion": .string(type.apiVersion), "kind": .string(type.kind),
                    "metadata": ["name": .string(name)],
                ]
            object[path: ["metadata", "annotations", annotation.key]] = .string(annotation.value)
            objects[place] = object
        }

        func finish() -> RenderedNamespace {
            if keptBack.contains(.init(type: .namespace, name: namespace)) {
                return RenderedNamespace(objects: [], refused: refused)
            }
            let sorted = order.enumerated().sorted {
                (ApplyOrder.rank($0.element.type), $0.offset) < (ApplyOrder.rank($1.element.type), $1.offset)
            }
            let ready = sorted.compactMap { _, place -> DesiredObject? in
                if let copy = copies[place] { return DesiredObject(copy: copy, in: namespace, labels: labels) }
                guard var json = objects[place] else { return nil }
                // Flyte's template has this field, and every Namespace has its value anyway. Without it the object sets
                // only metadata.
                if place.type == .namespace, json["spec"] == ["finalizers": ["kubernetes"]] { json["spec"] = nil }
                json.takeStoredForm(as: place.type)
                for (key, value) in labels { json[path: ["metadata", "labels", key]] = .string(value) }
                if place.type.isNamespaced { json[path: ["metadata", "namespace"]] = .string(namespace) }
                return DesiredObject(
                    type: place.type, namespace: place.type.isNamespaced ? namespace : nil, name: place.name,
                    json: json, isStandIn: standIns.contains(place))
            }
            return RenderedNamespace(objects: ready, refused: refused)
        }
    }
}

/// An object comes before others that refer to it, and limits before the objects that they limit.
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
