import Fleet
import JSON
import KubeObjects
import Support

/// The routing of executions as a picture: from project-domains and workflows over execution labels to clusters, with
/// the chance of each cluster. It uses the rules of `squadron explain`.
///
/// A large fleet is grouped, so that the picture stays readable: project-domains with one label are one node, and so
/// are clusters that all labels treat alike.
struct FleetFlow: Sendable, Hashable {
    struct Node: Sendable, Hashable {
        var names: [String]
        /// What is unusual. Empty if nothing is.
        var trouble = ""
        var detail = ""

        init(_ names: [String], trouble: String = "", detail: String = "") {
            (self.names, self.trouble, self.detail) = (names, trouble, detail)
        }
    }
    struct Link: Sendable, Hashable {
        var from: Int
        var to: Int
        /// The share of the executions at `from`. For the first links, the share of all project-domains.
        var share: Double
        /// Why nothing goes this way. Empty if something does.
        var stopped = ""
    }
    /// Above these limits, sources and clusters are grouped, and then groups are merged.
    static let sourcesLimit = 14
    static let labelsLimit = 24
    static let clustersLimit = 24

    private(set) var sources: [Node] = []
    private(set) var labels: [Node] = []
    private(set) var clusters: [Node] = []
    /// From `sources` to `labels`.
    private(set) var uses: [Link] = []
    /// From `labels` to `clusters`.
    private(set) var targets: [Link] = []

    /// - Parameters:
    ///   - wanted: the existing project-domains.
    ///   - troubled: clusters that are not Ready.
    init(_ objects: ControlPlaneObjects, wanted: [ProjectDomain], troubled: Set<String>, now: Instant) {
        let answers = Answers(objects, now: now)
        // The sources by the label that decides for them.
        var asking: [String: [Source]] = [:]
        for source in answers.sources(wanted) { asking[source.decides, default: []].append(source) }
        let names = Set(asking.keys).union(answers.labels)
        let ordered = names.sorted { left, right in
            let (first, second) = (asking[left]?.count ?? 0, asking[right]?.count ?? 0)
            return first != second ? first > second : left < right
        }
        let total = asking.values.reduce(0) { $0 + $1.count }
        var shares: [String: [Int: (share: Double, stopped: String)]] = [:]
        for name in ordered {
            let isOne = labels.count < Self.labelsLimit - 1 || names.count <= Self.labelsLimit
            addLabel(name, isOne: isOne, answers)
            let index = labels.count - 1
            add(asking[name] ?? [], to: index, isGrouped: total > Self.sourcesLimit, total: total)
            guard isOne else { continue }  // merged labels have no shares of their own
            let placement = answers.placement(ofLabel: name)
            guard placement.label == name else { continue }
            for one in placement.candidates { shares[one.cluster, default: [:]][index] = (one.probability, "") }
            for one in placement.dropped where placement.rule != .allClusters || names.count == 1 {
                shares[one.cluster, default: [:]][index] = (0, one.reason)
            }
        }
        addClusters(shares, troubled: troubled)
    }

    private mutating func addLabel(_ name: String, isOne: Bool, _ answers: Answers) {
        guard isOne else {
            if let last = labels.last, last.names.count > 1 || labels.count == Self.labelsLimit {
                labels[labels.count - 1].names.append(name)
            } else {
                labels.append(Node([name], detail: "further labels"))
            }
            return
        }
        guard !name.isEmpty else {
            labels.append(Node(["no label"], detail: "every enabled cluster has the same chance"))
            return
        }
        let placement = answers.placement(ofLabel: name)
        let isLost = placement.label != name
        labels.append(
            Node(
                [name], trouble: isLost ? placement.notes.first ?? "it has no effect" : "",
                detail: name == answers.defaultLabel ? "the default label" : ""))
    }

    private mutating func add(_ asking: [Source], to label: Int, isGrouped: Bool, total: Int) {
        let all = asking.sorted()
        let groups = isGrouped ? Dictionary(grouping: all, by: \.trouble).map(\.value) : all.map { [$0] }
        for group in groups.sorted(by: { $0[0] < $1[0] }) {
            sources.append(Node(group.map(\.name), trouble: group[0].trouble))
            uses.append(Link(from: sources.count - 1, to: label, share: Double(group.count) / Double(max(total, 1))))
        }
    }

    private mutating func addClusters(
        _ shares: [String: [Int: (share: Double, stopped: String)]], troubled: Set<String>
    ) {
        /// What distinguishes a group: the labels that lead to it with their weights, and whether its clusters are all
        /// right.
        struct Signature: Hashable {
            var ways: [Way]
            var isTroubled: Bool
        }
        struct Way: Hashable {
            var label: Int
            var share: Double
            var stopped: String
        }
        let isGrouped = shares.count > Self.clustersLimit
        var groups: [(signature: Signature, names: [String])] = []
        var known: [Signature: Int] = [:]
        for name in shares.keys.sorted() {
            let ways = (shares[name] ?? [:]).map {
                Way(label: $0.key, share: $0.value.share, stopped: $0.value.stopped)
            }
            let signature = Signature(ways: ways.sorted { $0.label < $1.label }, isTroubled: troubled.contains(name))
            if isGrouped, let index = known[signature] {
                groups[index].names.append(name)
            } else {
                known[signature] = groups.count
                groups.append((signature, [name]))
            }
        }
        groups.sort { left, right in
            let (first, second) = (left.signature.ways.first?.label ?? 0, right.signature.ways.first?.label ?? 0)
            return first != second ? first < second : left.names[0] < right.names[0]
        }
        for (position, group) in groups.enumerated() {
            let isRest = groups.count > Self.clustersLimit && position >= Self.clustersLimit - 1
            if isRest, clusters.count == Self.clustersLimit {
                clusters[clusters.count - 1].names += group.names
            } else {
                clusters.append(
                    Node(
                        group.names, trouble: group.signature.isTroubled && !isRest ? "not Ready" : "",
                        detail: isRest ? "further clusters" : ""))
            }
            for way in group.signature.ways {
                add(way.share * Double(group.names.count), from: way.label, to: clusters.count - 1, way.stopped)
            }
        }
    }

    private mutating func add(_ share: Double, from label: Int, to cluster: Int, _ stopped: String) {
        if let index = targets.firstIndex(where: { $0.from == label && $0.to == cluster }) {
            targets[index].share += share
            if share > 0 { targets[index].stopped = "" }
        } else {
            targets.append(Link(from: label, to: cluster, share: share, stopped: stopped))
        }
    }

    var json: JSON {
        func nodes(_ nodes: [Node]) -> JSON {
            .array(
                nodes.map { node in
                    [
                        "names": .array(node.names.prefix(FleetPage.namesLimit).map { .string($0) }),
                        "count": .int(Int64(node.names.count)), "trouble": .string(node.trouble),
                        "detail": .string(node.detail),
                    ]
                })
        }
        func links(_ links: [Link]) -> JSON {
            .array(
                links.map { link in
                    [
                        "from": .int(Int64(link.from)), "to": .int(Int64(link.to)), "share": .double(link.share),
                        "stopped": .string(link.stopped),
                    ]
                })
        }
        return [
            "sources": nodes(sources), "labels": nodes(labels), "clusters": nodes(clusters), "uses": links(uses),
            "targets": links(targets),
        ]
    }
}
