import Fleet
import JSON
import Kube
import KubeObjects

extension FlyteAdminFacts {
    /// - Parameter objects: they include the registry.
    init(_ reader: ControlPlaneReader, _ objects: ControlPlaneObjects) async throws(KubeError) {
        registry =
            objects.decoded(ClusterRegistry.self).objects
            .first { $0.metadata.name == ClusterRegistry.theName }?.spec
        conditions = objects.registry?.conditions ?? []
        let maps = KubeCollection(ConfigMap.resourceType, namespace: reader.namespace)
        for map in try await reader.client.listAll(ConfigMap.self, of: maps).compactMap(\.object) {
            add(map)
        }
        let deployments = KubeCollection(Deployment.resourceType, namespace: reader.namespace)
        for object in try await reader.client.listAll(DynamicObject.self, of: deployments).compactMap(\.object) {
            add(object)
        }
    }

    mutating func add(_ map: ConfigMap) {
        for (key, text) in map.data.sorted(by: { $0.key < $1.key }) where text.contains("clusterConfigs") {
            guard let configuration = ClustersConfiguration(yaml: text) else { continue }
            files.append(File(map: map.metadata.name, key: key, configuration: configuration))
        }
        if let target, map.metadata.name == target.name, map.data[target.key] != nil {
            published = PublishedClusters(map, key: target.key)
        }
    }

    mutating func add(_ object: DynamicObject) {
        guard let deployment = try? Deployment(json: object.json) else { return }
        deployments.append(deployment)
        let condition = object.json[path: ["status", "conditions"]]?.array?.first { $0["type"] == "Progressing" }
        progress[deployment.metadata.name] = condition?["lastUpdateTime"]?.string.flatMap { Timestamp($0)?.instant }
        let pods = object.json[path: ["spec", "template", "spec", "volumes"]]?.array ?? []
        let projected = pods.flatMap { $0[path: ["projected", "sources"]]?.array ?? [] }
        for volume in pods + projected {
            let map = volume[path: ["configMap", "name"]]?.string
            let secret = (volume[path: ["secret", "secretName"]] ?? volume[path: ["secret", "name"]])?.string
            for key in [map.map { "configmap/\($0)" }, secret.map { "secret/\($0)" }].compactMap({ $0 })
            where !(mounts[key] ?? []).contains(deployment.metadata.name) {
                mounts[key, default: []].append(deployment.metadata.name)
            }
        }
    }
}
