import JSON

/// Which of a pod's containers mount what, and where.
struct PodMounts {
    struct Container {
        var name: String
        var mounts: [JSON]
        var words: [String]
    }
    private let volumes: [String: JSON]
    private let containers: [Container]

    init(_ spec: JSON) {
        var volumes: [String: JSON] = [:]
        for volume in spec["volumes"]?.array ?? [] {
            if let name = volume["name"]?.string { volumes[name] = volume }
        }
        self.volumes = volumes
        let all: [JSON] = (spec["initContainers"]?.array ?? []) + (spec["containers"]?.array ?? [])
        containers = all.map { container in
            let words: [JSON] = (container["command"]?.array ?? []) + (container["args"]?.array ?? [])
            return Container(
                name: container["name"]?.string ?? "", mounts: container["volumeMounts"]?.array ?? [],
                words: words.compactMap(\.string))
        }
    }

    /// The containers that read the clusters: `flyteadmin serve` and `flyteadmin clusterresource …`. If no container
    /// has such arguments, the first one.
    var readers: [Container] {
        let found = containers.filter { container in
            let words = container.words.joined(separator: " ").split(whereSeparator: \.isWhitespace)
            return words.contains("serve") || words.contains("clusterresource")
        }
        return found.isEmpty ? Array(containers.suffix(1)) : found
    }

    /// The container's volumes that satisfy the condition, with the path at which each is mounted.
    private func mounted(_ container: Container, _ isWanted: (JSON) -> Bool) -> [String] {
        container.mounts.compactMap { mount in
            guard let volume = mount["name"]?.string.flatMap({ volumes[$0] }), isWanted(volume) else { return nil }
            return mount["subPath"] == nil ? mount["mountPath"]?.string : nil
        }
    }

    /// The Secrets or ConfigMaps of a volume, whether mounted alone or projected.
    private func sources(_ volume: JSON, _ kind: String) -> [JSON] {
        let projected = (volume[path: ["projected", "sources"]]?.array ?? []).compactMap { $0[kind] }
        return (volume[kind].map { [$0] } ?? []) + projected
    }

    func mounts(secret name: String, at path: String, in container: Container) -> Bool {
        let found = mounted(container) { volume in
            sources(volume, "secret").contains { ($0["secretName"] ?? $0["name"])?.string == name }
        }
        func plain(_ path: String) -> Substring { path.hasSuffix("/") ? path.dropLast() : path[...] }
        return found.contains { plain($0) == plain(path) }
    }

    func mounts(configMap name: String, key: String, in container: Container) -> Bool {
        !mounted(container) { volume in
            sources(volume, "configMap").contains { source in
                guard source["name"]?.string == name else { return false }
                guard let items = source["items"]?.array, !items.isEmpty else { return true }
                return items.contains { $0["key"]?.string == key }
            }
        }.isEmpty
    }
}
