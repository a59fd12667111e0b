import JSON

/// The rows in flyteadmin that are ours, remembered outside of flyteadmin: its rows carry no owner.
///
/// Kept in a ConfigMap of the operator's. Why there: a status or annotation of the ExecutionClusterLabel goes with the
/// object, and when the object is deleted while the operator is down nothing would say that the row was ours. A
/// finalizer would say so, but then no object, and no namespace `flyte`, could be deleted while flyteadmin is dead.
///
/// A row is noted before it is written and struck out after it was deleted, so that a crash in between leaves a note too
/// many and never one too few. A note has the value: a row is only ever deleted while it still has a value that we gave
/// it. What somebody has set since is theirs.
public struct PublishedLabels: Sendable, Hashable {
    /// A note holds for one flyteadmin. Another endpoint may be another one, where a row of the same name isn't ours.
    public var endpoint: String
    public var rows: Set<AdminRow>
    /// Rows of others that a delete is about to take along, until they are back.
    public var restoring: Set<AdminRow>

    public init(endpoint: String, rows: Set<AdminRow> = [], restoring: Set<AdminRow> = []) {
        self.endpoint = endpoint
        self.rows = rows
        self.restoring = restoring
    }

    public static let configMapName = "squadron-published-labels"
    /// Key of the ConfigMap.
    public static let dataKey = "published.json"
    /// An API server takes a ConfigMap of 1 MiB: about 15,000 rows.
    public static let sizeLimit = 1_000_000

    /// Short, and in a stable order: the same content is the same text.
    public var text: String {
        func list(_ rows: Set<AdminRow>) -> JSON {
            .array(
                rows.sorted().map { row in
                    [.string(row.key.project), .string(row.key.domain), .string(row.key.workflow), .string(row.value)]
                })
        }
        let json: JSON = ["endpoint": .string(endpoint), "rows": list(rows), "restoring": list(restoring)]
        return json.serializedString
    }

    /// Nil where the text isn't one of ours.
    public init?(text: String) {
        guard let json = try? JSON(parsing: text), let endpoint = json["endpoint"]?.string,
            let rows = Self.rows(json["rows"]), let restoring = Self.rows(json["restoring"])
        else { return nil }
        self.init(endpoint: endpoint, rows: rows, restoring: restoring)
    }

    private static func rows(_ json: JSON?) -> Set<AdminRow>? {
        guard let list = json?.array else { return nil }
        var rows: Set<AdminRow> = []
        for entry in list {
            let parts = entry.array?.compactMap(\.string) ?? []
            guard parts.count == 4 else { return nil }
            rows.insert(AdminRow(AdminRowKey(project: parts[0], domain: parts[1], workflow: parts[2]), parts[3]))
        }
        return rows
    }

    /// The row has this value now, and no other that was noted for it.
    public mutating func confirm(_ row: AdminRow) {
        rows = rows.filter { $0.key != row.key }
        rows.insert(row)
    }
    /// The notes for another address of what may be the same flyteadmin: a row that stands there with the noted value is
    /// ours. What is to be put back is known only where any row of ours is there.
    public func moved(to endpoint: String, present: AdminRows) -> PublishedLabels {
        let ours = rows.filter { present.values[$0.key] == $0.value }
        return PublishedLabels(endpoint: endpoint, rows: ours, restoring: ours.isEmpty ? [] : restoring)
    }

    public mutating func forget(_ key: AdminRowKey) { rows = rows.filter { $0.key != key } }
}
