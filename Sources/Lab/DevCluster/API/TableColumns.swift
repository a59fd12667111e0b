import JSON
import Support

/// A column of a Table.
struct TableColumn: Sendable {
    var name: String
    var type = "string"
    var format = ""
    var description = ""
    var priority = 0

    static let name = TableColumn(
        name: "Name", format: "name", description: "The object's name, unique among its kind in its namespace.")
    static let age = TableColumn(name: "Age", description: "How long ago the object was created.")

    var json: JSON {
        [
            "name": .string(name), "type": .string(type), "format": .string(format),
            "description": .string(description),
            "priority": .int(Int64(priority)),
        ]
    }
}

/// The table of a kind.
protocol TableColumns: Sendable {
    var columns: [TableColumn] { get }
    /// One cell for each column.
    func cells(_ object: JSON, now: Instant) -> [JSON]
}

enum Cell {
    static func name(_ object: JSON) -> JSON { object["metadata"]?["name"] ?? "" }

    static func age(_ object: JSON, now: Instant) -> JSON {
        since(object["metadata"]?["creationTimestamp"]?.string, now: now)
    }

    /// "5m3s" as kubectl shows it; "<unknown>" if there is no time.
    static func since(_ text: String?, now: Instant) -> JSON {
        guard let text else { return "<unknown>" }
        return .string(HumanDuration.age(of: text, now: now))
    }

    static func count(_ value: JSON?) -> JSON { .int(Int64(value?.object?.count ?? value?.array?.count ?? 0)) }

    /// `a=b,c=d`, or `<none>`.
    static func labels(_ value: JSON?) -> JSON {
        guard let labels = value?.object, !labels.isEmpty else { return "<none>" }
        return .string(
            labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.string ?? "")" }.joined(separator: ","))
    }
}

struct NameAndAge: TableColumns {
    let columns = [TableColumn.name, .age]
    func cells(_ object: JSON, now: Instant) -> [JSON] { [Cell.name(object), Cell.age(object, now: now)] }
}

struct CreatedAtColumns: TableColumns {
    let columns = [
        TableColumn.name, TableColumn(name: "Created At", type: "date", description: "When the object was created."),
    ]
    func cells(_ object: JSON, now: Instant) -> [JSON] {
        [Cell.name(object), object["metadata"]?["creationTimestamp"] ?? ""]
    }
}

/// The columns of a CRD's version. If it names none, the age.
struct CustomColumns: TableColumns {
    private let printer: PrinterColumns
    let columns: [TableColumn]

    init(_ definitions: JSON?) {
        printer = PrinterColumns.parse(definitions, at: .root).columns
        columns =
            [.name]
            + printer.columns.map {
                TableColumn(
                    name: $0.name, type: $0.type, format: $0.format, description: $0.description,
                    priority: Int(clamping: $0.priority))
            }
    }

    func cells(_ object: JSON, now: Instant) -> [JSON] { printer.cells(object, now: now) }
}
