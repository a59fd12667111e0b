import Fleet
import JSON
import KubeObjects

/// Namespaces × data planes: what the statuses say about each namespace in each data plane. `squadron why` says it for
/// one namespace.
///
/// For most data planes one answer holds for all namespaces. Only the exceptions are listed, so that 500 data planes
/// with 200 namespaces are a small value.
struct NamespaceMatrix: Sendable {
    struct Column: Sendable, Hashable {
        var namespace: String
        var projectDomains: [String]
        /// Whether the operator has processed the present generation of what wants it.
        var isSeen: Bool
        /// An object that wants it says that it is in sync everywhere.
        var isInSync: Bool
        /// An index of `reaches`. Nil: every data plane.
        var reach: Int?
    }
    struct Row: Sendable, Hashable {
        var dataPlane: String
        /// The state of all namespaces that are not listed below.
        var rest: Presence
        /// The same for those that are in sync everywhere.
        var restInSync: Presence
        /// By column.
        var failing: [Int: [Presence.Failure]]
    }
    let columns: [Column]
    let rows: [Row]
    /// Sets of rows, for `syncScope: Labelled`.
    let reaches: [Set<Int>]

    /// - Parameter dataPlanes: in the order of the rows.
    init(_ facts: StoryFacts, dataPlanes: [DynamicObject]) {
        let clusters = dataPlanes.map { $0.spec("clusterName")?.string ?? $0.metadata.name }
        var members: [String: [ProjectDomain]] = [:]
        for (key, entry) in facts.domains.entries {
            if let name = entry.answer.name { members[name, default: []].append(key) }
        }
        var reaches: [Set<Int>] = []
        var columns: [Column] = []
        let wants = facts.wantsByProjectDomain
        for (namespace, keys) in members.sorted(by: { $0.key < $1.key }) {
            let states = keys.flatMap { wants[$0] ?? [] }.compactMap { facts.synced[$0] }
            var column = Column(
                namespace: namespace, projectDomains: keys.sorted().map { "\($0.project)/\($0.domain)" },
                isSeen: states.isEmpty || states.contains { !$0.isStale },
                isInSync: states.contains { !$0.isStale && $0.isTrue })
            if let reach = facts.reach {
                let reached = keys.reduce(into: Set<String>()) { $0.formUnion(reach.clusters(of: $1)) }
                let rows = Set(clusters.indices.filter { reached.contains(clusters[$0]) })
                column.reach = reaches.firstIndex(of: rows) ?? reaches.count
                if column.reach == reaches.count { reaches.append(rows) }
            }
            columns.append(column)
        }
        let positions = Dictionary(uniqueKeysWithValues: columns.enumerated().map { ($1.namespace, $0) })
        self.columns = columns
        self.reaches = reaches
        rows = dataPlanes.map { Row($0, positions) }
    }

    func presence(row: Int, column: Int) -> Presence {
        let (place, wanted) = (rows[row], columns[column])
        if case .leftAlone = place.rest { return place.rest }
        if let reach = wanted.reach, !reaches[reach].contains(row) { return .notReached }
        if let failures = place.failing[column] { return .failing(failures) }
        if !wanted.isSeen { return .unknown(reason: "Pending", message: "the operator has not looked at it yet") }
        return wanted.isInSync ? place.restInSync : place.rest
    }

    var json: JSON {
        [
            "columns": .array(
                columns.map { column in
                    var json: JSON = [
                        "namespace": .string(column.namespace), "seen": .bool(column.isSeen),
                        "inSync": .bool(column.isInSync),
                        "of": .array(column.projectDomains.prefix(20).map { .string($0) }),
                    ]
                    if let reach = column.reach { json["reach"] = .int(Int64(reach)) }
                    return json
                }),
            "rows": .array(
                rows.map { row in
                    var json: JSON = ["dataPlane": .string(row.dataPlane), "rest": row.rest.json]
                    if row.restInSync != row.rest { json["restInSync"] = row.restInSync.json }
                    let failing = row.failing.sorted { $0.key < $1.key }
                    json["failing"] = .array(
                        failing.map { column, failures in
                            let text = failures.map { "\($0.object): \($0.reason): \($0.message)" }
                            return [.int(Int64(column)), .string(text.joined(separator: "\n"))]
                        })
                    return json
                }),
            "reaches": .array(reaches.map { .array($0.sorted().map { .int(Int64($0)) }) }),
        ]
    }
}

extension NamespaceMatrix.Row {
    init(_ object: DynamicObject, _ positions: [String: Int]) {
        dataPlane = object.metadata.name
        // No namespace has this name, so this gives the state of all namespaces that no failure names.
        rest = Presence(of: "", in: object, isSeen: true, isInSync: false)
        restInSync = Presence(of: "", in: object, isSeen: true, isInSync: true)
        failing = [:]
        if case .leftAlone = rest { return }
        for name in Set((object.status("failures")?.array ?? []).compactMap { $0["namespace"]?.string }) {
            guard let position = positions[name],
                case .failing(let failures) = Presence(of: name, in: object, isSeen: true, isInSync: false)
            else { continue }
            failing[position] = failures
        }
    }
}

extension Presence {
    fileprivate var json: JSON {
        switch self {
        case .inSync: ["state": "ready", "text": "in sync"]
        case .failing: ["state": "failing", "text": "fails"]
        case .unknown(let reason, let message): ["state": "unknown", "text": .string("\(reason): \(message)")]
        case .leftAlone(let why): ["state": "disabled", "text": .string("left alone: \(why)")]
        case .notReached: ["state": "absent", "text": "no label reaches it"]
        }
    }
}
