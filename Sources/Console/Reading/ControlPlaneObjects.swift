import Fleet
import JSON
import KubeObjects

/// The objects that were read in the control plane's namespace.
///
/// Objects are kept as they came. Their specs are decoded when Fleet's rules are applied to them. Their statuses are
/// read field by field and leniently, since an operator of another version may have written them.
public struct ControlPlaneObjects: Sendable {
    public enum ConfigMapReading: Sendable, Hashable {
        case present([String: String])
        case absent
        /// Why it can't be read.
        case unreadable(String)
    }
    public let namespace: String
    private var objects: [ResourceType: [DynamicObject]] = [:]
    public private(set) var configMaps: [String: ConfigMapReading] = [:]
    /// The Lease of the operator's election. Nil if there is none, or if the user may not read it.
    public var lease: Lease?

    public init(namespace: String) { self.namespace = namespace }

    public mutating func add(_ type: ResourceType, _ more: [DynamicObject]) {
        objects[type] = ((objects[type] ?? []) + more).sorted { $0.metadata.name < $1.metadata.name }
    }
    /// Replaces the object of the same name.
    mutating func put(_ type: ResourceType, _ object: DynamicObject) {
        objects[type]?.removeAll { $0.metadata.name == object.metadata.name }
        add(type, [object])
    }
    public mutating func add(configMap name: String, _ reading: ConfigMapReading) { configMaps[name] = reading }

    /// The objects of a kind by name.
    public subscript(type: ResourceType) -> [DynamicObject] { objects[type] ?? [] }

    /// The registry that the operator uses.
    public var registry: DynamicObject? {
        self[.clusterRegistries].first { $0.metadata.name == ClusterRegistry.theName }
    }

    /// The objects of a kind that fit their type, and what is wrong with the others.
    func decoded<Spec: CustomResourceSpec>(
        _ type: CustomResource<Spec>.Type
    ) -> (objects: [CustomResource<Spec>], problems: [String]) {
        var result: ([CustomResource<Spec>], [String]) = ([], [])
        for object in self[Spec.resourceType] {
            do throws(DecodingFailure) {
                result.0.append(try CustomResource<Spec>(json: object.json))
            } catch {
                result.1.append("\(Spec.resourceType.kind) \(object.metadata.name): \(error)")
            }
        }
        return result
    }
}

extension DynamicObject {
    /// The conditions that can be read.
    var conditions: [Condition] {
        (json[path: ["status", "conditions"]]?.array ?? []).compactMap(Condition.init(lenient:))
    }
    func status(_ path: String...) -> JSON? { json[path: ["status"] + path] }
    func spec(_ path: String...) -> JSON? { json[path: ["spec"] + path] }
    func time(_ field: String) -> Timestamp? { status(field)?.string.flatMap { Timestamp($0) } }
}
