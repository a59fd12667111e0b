import Fleet
import JSON
import Kube
import KubeObjects
import YAML

/// Reads the objects that decide a placement.
public enum FleetReading {
    /// A file or an answer that can't be used.
    public struct Failure: Error, Sendable, CustomStringConvertible {
        public var description: String
    }

    /// Reads the present objects of the control plane. It also reads the published ConfigMap, if that is allowed.
    /// Without it the answer differs only during short transitions.
    ///
    /// - Parameter whole: also reads what decides about all project-domains.
    public static func live(
        _ client: KubeClient, namespace: String, whole: Bool = false
    ) async throws(KubeError) -> FleetObjects {
        var objects = FleetObjects(namespace: namespace)
        objects.isLive = true
        var types: [ResourceType] = [.clusterRegistries, .dataPlanes, .executionLabels, .executionClusterLabels]
        if whole { types.append(.flyteProjects) }
        for type in types {
            let collection = KubeCollection(type, namespace: namespace)
            for case .valid(let object) in try await client.listAll(DynamicObject.self, of: collection) {
                var json = object.json  // a list says it once for all
                json["apiVersion"] = .string(type.apiVersion)
                json["kind"] = .string(type.kind)
                objects.add(json)
            }
        }
        var maps: Set<String> = Set([objects.publishes?.name].compactMap { $0 })
        if whole, objects.registry?.spec.flyteAdmin?.projectDiscovery == true {
            maps.insert(DiscoveredProjects.configMapName)
        }
        for name in maps.sorted() {
            do throws(KubeError) {
                var json = try await client.get(ConfigMap.resourceType, namespace: namespace, name: name)
                json["apiVersion"] = "v1"
                json["kind"] = .string(ConfigMap.resourceType.kind)
                objects.add(json)
            } catch {
                guard error.isNotFound || error.isForbidden else { throw error }
            }
        }
        return objects
    }

    /// Reads manifests as kubectl does: files, folders (their `.yaml`, `.yml` and `.json` files), and `-`.
    public static func files(_ paths: [String], namespace: String) throws(Failure) -> FleetObjects {
        var objects = FleetObjects(namespace: namespace)
        for path in paths {
            let files: [String]
            do { files = try FileContents.manifests(path) } catch { throw Failure(description: "\(error)") }
            for file in files {
                do {
                    let bytes = try FileContents.read(file == "-" ? "/dev/stdin" : file, limit: 16 << 20)
                    for document in try YAML.documents(bytes, limits: .init(bytes: 16 << 20)) {
                        objects.add(try document.json())
                    }
                } catch let failure as FileContents.Failure {
                    throw Failure(description: "\(failure)")
                } catch {
                    throw Failure(description: "\(file): \(error)")
                }
            }
        }
        return objects
    }
}
