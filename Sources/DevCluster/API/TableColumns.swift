import JSON
import KubeObjects
import Support

/// A column of a Table.
struct TableColumn: Sendable {
    var name: String
    var type = "string"
    var format = ""
    var description = ""
    var priority = 0

    static let name = TableColumn(name: "Name", format: "name", description: "The object's name, unique among its kind in its namespace.")
    static let age = TableColumn(name: "Age", description: "How long ago the object was created.")

    var json: JSON {
        [
            "name": .string(name), "type": .string(type), "format": .string(format), "description": .string(description),
            "priority": .int(Int64(priority)),
        ]
    }
}

/// How a kind looks as a table.
protocol TableColumns: Sendable {
    var columns: [TableColumn] { get }
    /// One cell for each column.
    func cells(_ object: JSON, now: Instant) -> [JSON]
}

enum Cell {
    static func name(_ object: JSON) -> JSON { object["metadata"]?["name"] ?? "" }

    static func age(_ object: JSON, now: Instant) -> JSON { since(object["metadata"]?["creationTimestamp"]?.string, now: now) }

    /// "5m3s" as kubectl shows it; "<unknown>" for what is no time.
    static func since(_ text: String?, now: Instant) -> JSON {
        guard let text, let time = Timestamp(text) else { return "<unknown>" }
        return .string(duration(seconds: Int(now - time.instant)))
    }

    /// As apimachinery's `HumanDuration` does: two units at most, fewer the longer it is.
    static func duration(seconds: Int) -> String {
        if seconds < -1 { return "<invalid>" }
        if seconds < 0 { return "0s" }
        func two(_ large: Int, _ largeUnit: String, _ small: Int, _ smallUnit: String) -> String {
            small == 0 ? "\(large)\(largeUnit)" : "\(large)\(largeUnit)\(small)\(smallUnit)"
        }
        if seconds < 120 { return "\(seconds)s" }
        let minutes = seconds / 60
        if minutes < 10 { return two(minutes, "m", seconds % 60, "s") }
        if minutes < 180 { return "\(minutes)m" }
        let hours = minutes / 60
        if hours < 8 { return two(hours, "h", minutes % 60, "m") }
        if hours < 48 { return "\(hours)h" }
        if hours < 192 { return two(hours / 24, "d", hours % 24, "h") }
        if hours < 24 * 365 * 2 { return "\(hours / 24)d" }
        if hours < 24 * 365 * 8 { return two(hours / 24 / 365, "y", hours / 24 % 365, "d") }
        return "\(hours / 24 / 365)y"
    }

    static func count(_ value: JSON?) -> JSON { .int(Int64(value?.object?.count ?? value?.array?.count ?? 0)) }

    /// `a=b,c=d`, or `<none>`.
    static func labels(_ value: JSON?) -> JSON {
        guard let labels = value?.object, !labels.isEmpty else { return "<none>" }
        return .string(labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.string ?? "")" }.joined(separator: ","))
    }
}

struct NameAndAge: TableColumns {
    let columns = [TableColumn.name, .age]
    func cells(_ object: JSON, now: Instant) -> [JSON] { [Cell.name(object), Cell.age(object, now: now)] }
}

struct CreatedAtColumns: TableColumns {
    let columns = [TableColumn.name, TableColumn(name: "Created At", type: "date", description: "When the object was created.")]
    func cells(_ object: JSON, now: Instant) -> [JSON] {
        [Cell.name(object), object["metadata"]?["creationTimestamp"] ?? ""]
    }
}

/// The columns of a CRD's version; name and age where it names none.
struct CustomColumns: TableColumns {
    private let paths: [(path: TablePath, type: String)]
    let columns: [TableColumn]

    init(_ definitions: [JSON]) {
        let definitions: [JSON] =
            definitions.isEmpty
            ? [["name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"]] : definitions
        var columns = [TableColumn.name]
        var paths: [(TablePath, String)] = []
        for definition in definitions {
            let path = definition["jsonPath"]?.string ?? ""
            let type = definition["type"]?.string ?? "string"
            columns.append(
                TableColumn(
                    name: definition["name"]?.string ?? "", type: type, format: definition["format"]?.string ?? "",
                    description: definition["description"]?.string
                        ?? "Custom resource definition column (in JSONPath format): \(path)",
                    priority: Int(clamping: definition["priority"]?.int ?? 0)))
            paths.append((TablePath(path), type))
        }
        self.columns = columns
        self.paths = paths
    }

    func cells(_ object: JSON, now: Instant) -> [JSON] {
        [Cell.name(object)]
            + paths.map { path, type in
                let found = path.values(in: object)
                guard let first = found.first, !first.isNull else { return .null }
                switch type {
                case "integer":
                    if let number = first.int { return .int(number) }
                    return first.double.map { .int(Int64(clamping: Int($0.rounded(.towardZero).clamped))) } ?? .null
                case "number": return first.double == nil ? .null : first
                case "boolean": return first.bool == nil ? .null : first
                case "date":
                    guard let text = first.string else { return .null }
                    return Timestamp(text) == nil ? "<invalid>" : Cell.since(text, now: now)
                default:
                    // Several values are shown as a list.
                    if path.mayFindSeveral, found.count > 1 {
                        return .string(found.map(\.shownInCell).joined(separator: ","))
                    }
                    return .string(first.shownInCell)
                }
            }
    }
}

extension Double {
    fileprivate var clamped: Double { isNaN ? 0 : Swift.min(Swift.max(self, -9e15), 9e15) }
}

extension JSON {
    fileprivate var shownInCell: String { string ?? serializedString }
}
