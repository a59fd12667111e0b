import Fleet
import JSON
import KubeObjects
import YAML

/// The manifests of `-f`: they are laid over the objects of the control plane.
public struct DiffFiles: Sendable {
    private(set) var objects: [(type: ResourceType, object: DynamicObject)] = []
    private(set) var configMaps: [(name: String, data: [String: String])] = []
    /// What the command ignores in the files.
    private(set) var notes: [String] = []
    public var isEmpty: Bool { objects.isEmpty && configMaps.isEmpty }

    public init() {}

    /// - Parameter namespace: the operator's. An object without a namespace is taken to be in it.
    public init(_ files: [ImportText], namespace: String) throws(ImportFailure) {
        for file in files {
            let documents: [YAMLNode]
            do {
                documents = try YAML.documents(file.text)
            } catch {
                throw ImportFailure("\(file.place): \(error)", .usage)
            }
            for node in documents {
                let place = "\(file.place), line \(node.line)"
                let json: JSON
                do {
                    json = try node.json()
                } catch {
                    throw ImportFailure("\(place): \(error)", .usage)
                }
                // A List, as kubectl prints it.
                for item in json["items"]?.array ?? [json] { try take(item, place, namespace: namespace) }
            }
        }
    }

    private mutating func take(_ json: JSON, _ place: String, namespace: String) throws(ImportFailure) {
        let object: DynamicObject
        do {
            object = try DynamicObject(json: json)
        } catch {
            throw ImportFailure("\(place): \(error)", .usage)
        }
        let name = "\(object.kind ?? "object") \(object.metadata.name)"
        if object.metadata.name.isEmpty {
            throw ImportFailure("\(place): \(object.kind ?? "object") has no metadata.name", .usage)
        }
        if let other = object.metadata.namespace, !other.isEmpty, other != namespace {
            return notes.append("\(place): \(name) is in the namespace \(other), and not in \(namespace): left out")
        }
        if object.apiVersion == "v1", object.kind == ConfigMap.resourceType.kind {
            do {
                configMaps.append((object.metadata.name, try ConfigMap(json: json).data))
            } catch {
                throw ImportFailure("\(place): \(name): \(error)", .usage)
            }
            return
        }
        guard let type = ControlPlaneReader.kinds.first(where: { $0.kind == object.kind }),
            object.apiVersion == type.apiVersion
        else {
            return notes.append("\(place): \(name) has no part in what data planes get: left out")
        }
        if let problem = Self.problem(of: object, type) { throw ImportFailure("\(place): \(name): \(problem)", .usage) }
        objects.append((type, object))
    }

    /// Why an API server would refuse the object.
    private static func problem(of object: DynamicObject, _ type: ResourceType) -> String? {
        func check<Spec: CustomResourceSpec>(_ kind: Spec.Type) -> String? {
            do throws(DecodingFailure) {
                return try CustomResource<Spec>(json: object.json).spec.problems().first?.description
            } catch {
                return "\(error)"
            }
        }
        return switch type {
        case .dataPlanes: check(DataPlaneSpec.self)
        case .executionLabels: check(ExecutionLabelSpec.self)
        case .executionClusterLabels: check(ExecutionClusterLabelSpec.self)
        case .flyteProjects: check(FlyteProjectSpec.self)
        case .clusterRegistries:
            object.metadata.name == ClusterRegistry.theName
                ? check(ClusterRegistrySpec.self)
                : "there is one ClusterRegistry, and its name is \(ClusterRegistry.theName)"
        default: nil
        }
    }

    /// The objects as they would be: each object of a file takes the place of the live one, which keeps its labels,
    /// annotations and age.
    func over(_ live: ControlPlaneObjects) -> ControlPlaneObjects {
        var result = live
        for (type, object) in objects {
            let before = live[type].first { $0.metadata.name == object.metadata.name }?.json
            var json = object.json
            for field in ["uid", "creationTimestamp", "generation", "resourceVersion"] {
                json[path: ["metadata", field]] = before?[path: ["metadata", field]]
            }
            for field in ["labels", "annotations"] {
                let old = before?[path: ["metadata", field]]?.object ?? [:]
                let new = old.merging(json[path: ["metadata", field]]?.object ?? [:]) { $1 }
                json[path: ["metadata", field]] = new.isEmpty ? nil : .object(new)
            }
            json["status"] = before?["status"]
            if let merged = try? DynamicObject(json: json) { result.put(type, merged) }
        }
        for (name, data) in configMaps { result.add(configMap: name, .present(data)) }
        return result
    }

    var configMapNames: Set<String> { Set(configMaps.map(\.name)) }
}
