import JSON

/// The rows in flyteadmin that are ours. They are recorded outside of flyteadmin, since its rows have no owner.
///
/// They are kept in a ConfigMap of the operator. A status or annotation of the ExecutionClusterLabel would not do: it
/// is deleted with the object, and if the operator is down at that time, nothing would say that the row was ours. A
/// finalizer would say so, but then no object and no namespace `flyte` could be deleted while flyteadmin is dead.
///
/// A row is noted before it is written, and struck out after it was deleted. So a crash in between leaves one note too
/// many, and never one too few. A note has the row's value. A row is only deleted while it has a value that we gave it.
/// A value that somebody has set since then belongs to them.
public struct PublishedRows: Sendable, Hashable {
    /// Notes hold for one flyteadmin. Another endpoint may be another flyteadmin, where a row with the same name is not
    /// ours.
    public var endpoint: String
    public var rows: Set<AdminRow>
    /// Rows of others that a delete is about to remove, until they are back.
    public var restoring: Set<AdminRow>

    public init(endpoint: String, rows: Set<AdminRow> = [], restoring: Set<AdminRow> = []) {
        self.endpoint = endpoint
        self.rows = rows
        self.restoring = restoring
    }

    public static let configMapName = "squadron-published-labels"
    /// The key in the ConfigMap.
    public static let dataKey = "published.json"
    /// An API server accepts a ConfigMap of 1 MiB, which is enough for about 15,000 rows.
    public static let sizeLimit = 1_000_000

    /// The text is short and in a stable order, so that equal content gives equal text.
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

    /// Nil if we did not write the text.
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

    /// The row has this value now. Other noted values of it are dropped.
    public mutating func confirm(_ row: AdminRow) { confirm([row]) }

    /// The same for many rows with different keys, in one walk through the notes.
    public mutating func confirm(_ confirmed: [AdminRow]) {
        let values = Dictionary(confirmed.map { ($0.key, $0.value) }) { $1 }
        rows = rows.filter { row in values[row.key].map { $0 == row.value } ?? true }
        rows.formUnion(confirmed)
    }

    /// The notes for another address of what may be the same flyteadmin. A row that exists there with the noted value
    /// is ours. Rows to put back are kept only if any row of ours is there.
    public func moved(to endpoint: String, present: AdminRows) -> PublishedRows {
        let ours = rows.filter { present.values[$0.key] == $0.value }
        return PublishedRows(endpoint: endpoint, rows: ours, restoring: ours.isEmpty ? [] : restoring)
    }

    public mutating func forget(_ key: AdminRowKey) { rows = rows.filter { $0.key != key } }
}
