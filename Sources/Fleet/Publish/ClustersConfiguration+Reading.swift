import JSON
import KubeObjects
import YAML

extension ClustersConfiguration {
    /// Reads the published configuration. It is lenient, since a person may have written it: it leaves out what it does
    /// not understand. Nil if there is no `clusters:` section at all.
    public init?(yaml text: String) {
        guard let section = (try? YAML.parse(text))?["clusters"], section.object != nil else { return nil }
        self.init()
        clusters = (section["clusterConfigs"]?.array ?? []).compactMap(Cluster.init(json:))
        labels = (section["labelClusterMap"]?.object ?? [:]).mapValues { entries in
            (entries.array ?? []).compactMap { entry in
                entry["id"]?.string.map { Entry(id: $0, weight: entry["weight"]?.double ?? 0) }
            }
        }
        defaultExecutionLabel = section["defaultExecutionLabel"]?.string ?? ""
    }

    /// The enabled clusters that get a part of a label's executions.
    func usableClusters(of label: String) -> Set<String> {
        let enabled = Set(clusters.filter(\.enabled).map(\.name))
        return Set((labels[label] ?? []).filter { $0.weight > 0 }.map(\.id)).intersection(enabled)
    }
}

extension ClustersConfiguration.Cluster {
    init?(json: JSON) {
        guard let name = json["name"]?.string else { return nil }
        let access: Access =
            json["inCluster"]?.bool == true
            ? .inCluster
            : .remote(
                endpoint: json["endpoint"]?.string ?? "", tokenPath: json["auth"]?["tokenPath"]?.string ?? "",
                certPath: json["auth"]?["certPath"]?.string ?? "")
        self.init(name: name, enabled: json["enabled"]?.bool ?? false, access: access)
        if let limits = json["kubeClientConfig"], limits.object != nil {
            var client = FlyteAdminAccess.KubeClientConfig()
            client.qps = limits["qps"]?.int.flatMap { Int(exactly: $0) } ?? client.qps
            client.burst = limits["burst"]?.int.flatMap { Int(exactly: $0) } ?? client.burst
            let seconds = limits["timeout"]?.string.flatMap { $0.hasSuffix("s") ? Int($0.dropLast()) : nil }
            client.timeoutSeconds = seconds ?? client.timeoutSeconds
            self.client = client
        }
    }
}

/// The present content of the ConfigMap with the configuration.
public struct PublishedClusters: Sendable, Hashable {
    /// The clusters that have left the map because they were not Available. A new operator needs nothing else to go on.
    public static let withdrawnAnnotation = FleetGroup.name + "/withdrawn-clusters"
    /// When the text last changed.
    public static let timeAnnotation = FleetGroup.name + "/published-at"

    /// The text of the key. Nil if there is no such key.
    public var text: String?
    public var configuration: ClustersConfiguration?
    public var withdrawn: Set<String>
    public var time: Timestamp?
    /// `ClustersChecksum` of the text and of the credentials at that time. It is rolled out while a newer state can't
    /// be published.
    public var checksum: String?

    public init(
        text: String? = nil, withdrawn: Set<String> = [], time: Timestamp? = nil, checksum: String? = nil
    ) {
        self.text = text
        self.checksum = checksum
        configuration = text.flatMap { ClustersConfiguration(yaml: $0) }
        self.withdrawn = withdrawn
        self.time = time
    }

    public init(_ map: ConfigMap, key: String) {
        let annotations = map.metadata.annotations ?? [:]
        let withdrawn = (annotations[Self.withdrawnAnnotation] ?? "").split(separator: ",").map(String.init)
        self.init(
            text: map.data[key], withdrawn: Set(withdrawn),
            time: annotations[Self.timeAnnotation].flatMap { Timestamp($0) },
            checksum: annotations[RolloutPlan.checksumAnnotation])
    }

    /// Everything except the text.
    public var annotations: [String: String] {
        var annotations: [String: String] = [:]
        if !withdrawn.isEmpty { annotations[Self.withdrawnAnnotation] = withdrawn.sorted().joined(separator: ",") }
        annotations[Self.timeAnnotation] = time?.description
        annotations[RolloutPlan.checksumAnnotation] = checksum
        return annotations
    }
}

/// What flyteadmin reads beside our key. It merges all files `*.yaml` of the folder in the order of their names. The
/// last list of `clusterConfigs` counts, and the last entry of each label in `labelClusterMap`.
public struct BesideOurs: Sendable, Hashable {
    /// Labels that only other keys have, with these keys. They stay in force.
    public private(set) var labels: [String: String] = [:]
    /// The entries of these labels.
    public private(set) var entries: [String: [ClustersConfiguration.Entry]] = [:]
    /// Keys with a clusters configuration after ours.
    public private(set) var later: [String] = []

    public init(_ map: ConfigMap, key: String, ours: ClustersConfiguration) {
        let own = Set(ours.labels.keys.map { $0.lowercased() })
        for (other, text) in map.data.sorted(by: { $0.key < $1.key }) where other != key && other.hasSuffix(".yaml") {
            guard let configuration = ClustersConfiguration(yaml: text) else { continue }
            if other > key { later.append(other) }
            for (label, clusters) in configuration.labels where !clusters.isEmpty && !own.contains(label.lowercased()) {
                (labels[label], entries[label]) = (other, clusters)
            }
        }
    }

    public var isEmpty: Bool { labels.isEmpty && later.isEmpty }

    /// The message for an event. Nil if there is nothing to report.
    public var message: String? {
        var parts: [String] = []
        for key in Set(labels.values).sorted() {
            let names = labels.filter { $0.value == key }.keys.sorted().listed()
            parts.append("labels that only the key \(key) has stay in force in flyteadmin: \(names)")
        }
        if !later.isEmpty { parts.append("keys that come after ours override it: \(later.listed())") }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }
}
