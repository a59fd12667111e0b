import JSON
import YAML

/// Flyte's `clusters:` section, as flyteadmin v1.16.8 reads it when it starts.
public struct ClustersConfiguration: Sendable, Hashable {
    public struct Cluster: Sendable, Hashable {
        public enum Access: Sendable, Hashable {
            /// flyteadmin uses the ServiceAccount of its own pod.
            case inCluster
            /// The paths are those of files in flyteadmin's pod. flyteadmin does not start if one is missing.
            case remote(endpoint: String, tokenPath: String, certPath: String)
        }
        public var name: String
        public var enabled: Bool
        public var access: Access
        /// Nil for flyteadmin's defaults.
        public var client: FlyteAdminAccess.KubeClientConfig?
        public init(
            name: String, enabled: Bool, access: Access, client: FlyteAdminAccess.KubeClientConfig? = nil
        ) {
            self.name = name
            self.enabled = enabled
            self.access = access
            self.client = client
        }
    }
    public struct Entry: Sendable, Hashable {
        public var id: String
        public var weight: Double
        public init(id: String, weight: Double) {
            self.id = id
            self.weight = weight
        }
    }

    /// In the order of their names, each once.
    public var clusters: [Cluster]
    public var labels: [String: [Entry]]
    /// Empty for none.
    public var defaultExecutionLabel: String

    public init(clusters: [Cluster] = [], labels: [String: [Entry]] = [:], defaultExecutionLabel: String = "") {
        self.clusters = clusters
        self.labels = labels
        self.defaultExecutionLabel = defaultExecutionLabel
    }

    /// The text to publish. Equal values give equal text, whatever order they were made in.
    public var yaml: String { YAML.emit(["clusters": json]) }

    private var json: JSON {
        // Empty parts are included, since a missing part would keep the content of another file of flyteadmin.
        [
            "clusterConfigs": .array(clusters.sorted { $0.name < $1.name }.map(\.json)),
            "labelClusterMap": .object(
                labels.mapValues { entries in
                    .array(entries.map { ["id": .string($0.id), "weight": Self.number($0.weight)] })
                }),
            "defaultExecutionLabel": .string(defaultExecutionLabel),
        ]
    }

    private static func number(_ weight: Double) -> JSON {
        Int64(exactly: weight).map { .int($0) } ?? .double(weight)
    }
}

extension ClustersConfiguration.Cluster {
    var json: JSON {
        var json: JSON = ["name": .string(name), "enabled": .bool(enabled)]
        switch access {
        case .inCluster: json["inCluster"] = true
        case .remote(let endpoint, let tokenPath, let certPath):
            json["endpoint"] = .string(endpoint)
            json["auth"] = [
                "type": "file_path", "tokenPath": .string(tokenPath), "certPath": .string(certPath),
            ]
        }
        if let client {
            json["kubeClientConfig"] = [
                "qps": .int(Int64(client.qps)), "burst": .int(Int64(client.burst)),
                "timeout": .string("\(client.timeoutSeconds)s"),
            ]
        }
        return json
    }
}

/// How flyteadmin's configuration library (viper, in flytestdlib/config/viper of v1.16.8) reads the keys of
/// `labelClusterMap`.
public enum LabelKeys {
    /// The label under which flyteadmin has an entry. Viper changes keys to lower case. A key with a dot, which viper
    /// takes for a path, gets its written form back (`restoreDottedMapKeys`).
    public static func asRead(_ label: String) -> String { label.contains(".") ? label : label.lowercased() }

    /// The labels whose entries flyteadmin doesn't find, with the reasons. The `displaced` ones would replace another
    /// label's entry, and so must not be written.
    public static func lost(_ labels: some Collection<String>) -> (reasons: [String: String], displaced: Set<String>) {
        var reasons: [String: String] = [:]
        var displaced: Set<String> = []
        let all = Set(labels)
        var taken: Set<String> = []
        for label in all.sorted() {
            let key = asRead(label)
            if key != label {
                reasons[label] = "flyteadmin's configuration library lowercases \"\(label)\" and then doesn't find it"
                // Beside "team1", viper would give it the entry of "Team1".
                if all.contains(key) || !taken.insert(key).inserted { displaced.insert(label) }
            } else if let longer = all.filter({ asRead($0).lowercased().hasPrefix(key + ".") }).min() {
                // The library splits keys at dots, so it can't hold both "a" and "a.b". Which one it keeps is random.
                reasons[label] = "flyteadmin's configuration library can't hold \"\(label)\" beside \"\(longer)\""
            }
        }
        return (reasons, displaced)
    }
}
