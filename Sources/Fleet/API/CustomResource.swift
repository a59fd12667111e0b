import JSON
import KubeObjects

/// The API group of the five kinds.
public enum FleetGroup {
    public static let name = "multicluster.flyte.org"
    public static let version = "v1alpha1"

    static func type(_ kind: String, _ plural: String) -> ResourceType {
        ResourceType(group: name, version: version, kind: kind, plural: plural, isNamespaced: true)
    }
}

extension ResourceType {
    public static let dataPlanes = FleetGroup.type("DataPlane", "dataplanes")
    public static let executionLabels = FleetGroup.type("ExecutionLabel", "executionlabels")
    public static let executionClusterLabels = FleetGroup.type("ExecutionClusterLabel", "executionclusterlabels")
    public static let flyteProjects = FleetGroup.type("FlyteProject", "flyteprojects")
    public static let clusterRegistries = FleetGroup.type("ClusterRegistry", "clusterregistries")
}

/// What sets one of our kinds apart from the others. Reading a spec applies the defaults of the CRD, so that an object
/// stored under an older CRD reads the same as a new one.
public protocol CustomResourceSpec: Codable, Hashable, Sendable {
    associatedtype Status: CustomResourceStatus
    static var resourceType: ResourceType { get }
    /// Fills in what is left out and follows from the object itself.
    mutating func complete(with metadata: ObjectMeta)
    /// What an object without `spec` means; nil where it means nothing.
    static var absent: Self? { get }
    /// What makes the spec unusable although it decodes: rules that the CRD checks at admission, checked again, since
    /// an older CRD may have let the object through. Empty for a good one.
    func problems() -> [SpecProblem]
}

/// What the status of every kind of ours has.
public protocol CustomResourceStatus: Codable, Hashable, Sendable {
    var observedGeneration: Int64? { get set }
    var conditions: [Condition] { get set }
    init()
}

extension CustomResourceSpec {
    public static var absent: Self? { nil }
    public mutating func complete(with metadata: ObjectMeta) {}
}

/// A field that can't be used, and why: the message of reason `Invalid`.
public struct SpecProblem: Sendable, Hashable, CustomStringConvertible {
    /// `spec.connection.qps`.
    public var path: String
    public var message: String

    public init(_ path: String, _ message: String) {
        self.path = path
        self.message = message
    }
    public init(_ failure: DecodingFailure) {
        self.init(failure.path.isEmpty ? "the object" : failure.path, failure.message)
    }

    public var description: String { "\(path): \(message)" }
}

/// An object of one of our kinds.
public struct CustomResource<Spec: CustomResourceSpec>: KubeResource, Codable, Hashable {
    public static var resourceType: ResourceType { Spec.resourceType }

    public var metadata: ObjectMeta
    public var spec: Spec
    /// Nil where there is none yet, and where it doesn't decode: it is ours to write, and a bad one is written anew.
    public var status: Spec.Status?

    public init(metadata: ObjectMeta, spec: Spec, status: Spec.Status? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
        // Nothing of ours is decided by who owns which field of a custom resource, and in a cache of thousands these
        // trees would be most of it.
        metadata.managedFields = nil
        if let spec = try container.decodeIfPresent(Spec.self, forKey: .spec) {
            self.spec = spec
        } else if let absent = Spec.absent {
            spec = absent
        } else {
            spec = try container.decode(Spec.self, forKey: .spec)
        }
        spec.complete(with: metadata)
        status = (try? container.decodeIfPresent(Spec.Status.self, forKey: .status)) ?? nil
        // What the CRD has for an object that nobody has looked at yet.
        if let status, status.observedGeneration == -1, status.conditions.isEmpty { self.status = nil }
    }
}

/// An object as a rule needs it to decide who was first: the older wins, then the smaller name.
public struct Seniority: Sendable, Hashable, Comparable {
    public var creationTimestamp: Timestamp?
    public var name: String

    public init(_ metadata: ObjectMeta) {
        creationTimestamp = metadata.creationTimestamp
        name = metadata.name
    }
    /// What no object stands for is younger than any object.
    public static func youngest(_ keys: [ProjectDomain]) -> [(ProjectDomain, Seniority)] {
        keys.map { ($0, Seniority(ObjectMeta(name: $0.description))) }
    }
    /// An object without a creation time has not been stored yet: it is the younger one.
    public static func < (left: Seniority, right: Seniority) -> Bool {
        switch (left.creationTimestamp, right.creationTimestamp) {
        case (let first?, let second?) where first != second: first < second
        case (_?, nil): true
        case (nil, _?): false
        default: left.name < right.name
        }
    }
}

extension Seniority {
    /// By key, the oldest object that has it.
    public static func oldest<Spec, Key: Hashable>(
        _ objects: some Sequence<CustomResource<Spec>>, by key: (CustomResource<Spec>) -> Key
    ) -> [Key: CustomResource<Spec>] {
        objects.reduce(into: [:]) { owners, object in
            let key = key(object)
            if let owner = owners[key], Seniority(owner.metadata) < Seniority(object.metadata) { return }
            owners[key] = object
        }
    }

    /// By name, the name of the oldest object with the same key, for each that isn't the oldest itself.
    public static func duplicates<Spec, Key: Hashable>(
        _ objects: some Collection<CustomResource<Spec>>, by key: (CustomResource<Spec>) -> Key
    ) -> [String: String] {
        let owners = oldest(objects, by: key)
        return objects.reduce(into: [:]) { duplicates, object in
            let (name, owner) = (object.metadata.name, owners[key(object)]?.metadata.name)
            if owner != name { duplicates[name] = owner }
        }
    }
}

extension KeyedDecodingContainer {
    /// The value, or `fallback` where the field is missing or null.
    func value<T: Decodable>(_ key: Key, default fallback: T) throws -> T {
        try decodeIfPresent(T.self, forKey: key) ?? fallback
    }
}
