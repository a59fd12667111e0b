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

/// The properties in which one of our kinds differs from the others. Reading a spec applies the defaults of the CRD, so
/// that an object stored under an older CRD reads the same as a new one.
public protocol CustomResourceSpec: Codable, Hashable, Sendable {
    associatedtype Status: CustomResourceStatus
    static var resourceType: ResourceType { get }
    /// Fills in fields that are missing and follow from the object itself.
    mutating func complete(with metadata: ObjectMeta)
    /// The spec of an object without `spec`. Nil if the kind needs one.
    static var absent: Self? { get }
    /// Why the spec can't be used although it decodes. It checks the CRD's rules again, since an older CRD may have
    /// accepted the object. Empty for a good one.
    func problems() -> [SpecProblem]
}

/// What the statuses of all our kinds have.
public protocol CustomResourceStatus: Codable, Hashable, Sendable {
    var observedGeneration: Int64? { get set }
    var conditions: [Condition] { get set }
    init()
}

extension CustomResourceSpec {
    public static var absent: Self? { nil }
    public mutating func complete(with metadata: ObjectMeta) {}
}

/// A field that can't be used, and why. It is the message of reason `Invalid`.
public struct SpecProblem: Sendable, Hashable, CustomStringConvertible {
    /// For example `spec.connection.qps`.
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
    /// Nil if there is none, or if it doesn't decode. The status is ours to write, so a bad one is written again.
    public var status: Spec.Status?

    public init(metadata: ObjectMeta, spec: Spec, status: Spec.Status? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
        // We never ask which manager owns a field of a custom resource, and these trees would be most of a cache of
        // thousands.
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
        // The CRD's default for an object that nobody has looked at yet.
        if let status, status.observedGeneration == -1, status.conditions.isEmpty { self.status = nil }
    }
}

/// Decides which of two objects was first: the older one, then the one with the smaller name.
public struct Seniority: Sendable, Hashable, Comparable {
    public var creationTimestamp: Timestamp?
    public var name: String

    public init(_ metadata: ObjectMeta) {
        creationTimestamp = metadata.creationTimestamp
        name = metadata.name
    }
    /// A key without an object is younger than any object.
    public static func youngest(_ keys: [ProjectDomain]) -> [(ProjectDomain, Seniority)] {
        keys.map { ($0, Seniority(ObjectMeta(name: $0.description))) }
    }
    /// An object without a creation time has not been stored yet, so it is younger.
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
    /// The oldest object for each key.
    public static func oldest<Spec, Key: Hashable>(
        _ objects: some Sequence<CustomResource<Spec>>, by key: (CustomResource<Spec>) -> Key
    ) -> [Key: CustomResource<Spec>] {
        objects.reduce(into: [:]) { owners, object in
            let key = key(object)
            if let owner = owners[key], Seniority(owner.metadata) < Seniority(object.metadata) { return }
            owners[key] = object
        }
    }

    /// For each object that is not the oldest one with its key: its name, and the name of the oldest.
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
    /// The value, or `fallback` if the field is missing or null.
    func value<T: Decodable>(_ key: Key, default fallback: T) throws -> T {
        try decodeIfPresent(T.self, forKey: key) ?? fallback
    }
}
