import Fleet
import JSON
import YAML

extension Tables {
    /// `clusters` of flyteadmin's configuration, as it read it at its start.
    ///
    /// It follows flyteadmin's `random_cluster_selector.go`. `Fleet` draws the cluster, with the random numbers of Go.
    public struct Clusters: Sendable, Hashable {
        public struct Cluster: Sendable, Hashable {
            public var id: String
            public var isEnabled: Bool
            /// Why it takes no FlyteWorkflow: `Unauthorized`, `connection refused`.
            public var problem: String?
            public init(_ id: String, isEnabled: Bool = true, problem: String? = nil) {
                self.id = id
                self.isEnabled = isEnabled
                self.problem = problem
            }
        }
        public struct Entry: Sendable, Hashable {
            public var id: String
            public var weight: Double
            public init(_ id: String, _ weight: Double = 1) { (self.id, self.weight) = (id, weight) }
        }
        public var clusters: [Cluster]
        public var labels: [String: [Entry]]
        public var defaultLabel: String

        public init(_ clusters: [Cluster] = [], labels: [String: [Entry]] = [:], defaultLabel: String = "") {
            self.clusters = clusters
            self.labels = labels
            self.defaultLabel = defaultLabel
        }

        /// Reads a `clusters.yaml`. Keys of maps come in lower case out of flyteadmin's configuration library.
        public init(yaml: String) throws {
            let clusters = try YAML.parse(yaml)["clusters"] ?? [:]
            self.clusters = (clusters["clusterConfigs"]?.array ?? []).map { entry in
                Cluster(entry["name"]?.string ?? "", isEnabled: entry["enabled"]?.bool ?? false)
            }
            labels = [:]
            for (label, list) in clusters["labelClusterMap"]?.object ?? [:] {
                labels[label.lowercased()] = (list.array ?? []).map { entry in
                    Entry(entry["id"]?.string ?? "", entry["weight"]?.double ?? 0)
                }
            }
            defaultLabel = clusters["defaultExecutionLabel"]?.string ?? ""
        }

        subscript(id: String) -> Cluster? { clusters.first { $0.id == id } }

        /// The cluster that an execution runs in. Nil if no cluster is configured: then it runs in flyteadmin's own.
        func draw(label: String?, execution: String) -> Cluster? {
            func enabled(_ label: String) -> [Entry] {
                (labels[label] ?? []).filter { self[$0.id]?.isEnabled == true }
            }
            var entries = label.map(enabled) ?? []
            if entries.isEmpty { entries = enabled(defaultLabel) }
            if entries.isEmpty { entries = clusters.filter(\.isEnabled).map { Entry($0.id, 0) } }
            return WeightedClusters(entries.map { ($0.id, $0.weight) }).flatMap {
                self[$0.cluster(forExecution: execution)]
            }
        }
    }
}
