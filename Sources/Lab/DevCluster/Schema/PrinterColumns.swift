import JSON
import Support

/// `additionalPrinterColumns` of a CRD's version, by which `kubectl get` shows its objects.
struct PrinterColumns: Sendable {
    struct Column: Sendable {
        var name: String
        /// `string`, `integer`, `number`, `boolean` or `date`.
        var type: String
        var format: String
        var description: String
        /// A column with 0 is always shown, one with more only with `-o wide`.
        var priority: Int64
        var path: JSONPath
    }
    let columns: [Column]

    /// Reads the columns of a CRD's version. If there are none, it is the age, as on the real server.
    static func parse(_ json: JSON?, at path: FieldPath) -> (columns: PrinterColumns, errors: [FieldError]) {
        var columns: [Column] = []
        var errors: [FieldError] = []
        for (index, item) in (json?.array ?? []).enumerated() {
            let path = path.index(index)
            let type = item["type"]?.string ?? ""
            let source = item["jsonPath"]?.string ?? ""
            let name = item["name"]?.string ?? ""
            if name.isEmpty { errors.append(FieldError(.required, path.child("name"))) }
            let types = ["boolean", "date", "integer", "number", "string"]
            if !types.contains(type) {
                let kind: FieldError.Kind = type.isEmpty ? .required : .invalid
                let detail = "must be one of \(types.joined(separator: ","))"
                errors.append(FieldError(kind, path.child("type"), value: .string(type), detail))
            }
            do {
                guard !source.isEmpty else {
                    errors.append(FieldError(.required, path.child("JSONPath")))
                    continue
                }
                let description =
                    item["description"]?.string ?? "Custom resource definition column (in JSONPath format): \(source)"
                columns.append(
                    Column(
                        name: name, type: type, format: item["format"]?.string ?? "", description: description,
                        priority: item["priority"]?.int ?? 0, path: try JSONPath(source)))
            } catch {
                let detail = "unrecognized column definition \(GoText.quoted(source))"
                errors.append(FieldError(.invalid, path.child("JSONPath"), value: .string(source), detail))
            }
        }
        if (json?.array ?? []).isEmpty, let age = try? JSONPath(".metadata.creationTimestamp") {
            columns = [
                Column(
                    name: "Age", type: "date", format: "", description: Self.ageDescription, priority: 0, path: age)
            ]
        }
        return (PrinterColumns(columns: columns), errors)
    }

    private static let ageDescription =
        "Custom resource definition column (in JSONPath format): .metadata.creationTimestamp"

    /// `columnDefinitions` of a Table, the name first.
    var definitions: [JSON] {
        let name: JSON = [
            "name": "Name", "type": "string", "format": "name", "priority": 0,
            "description": "Name must be unique within a namespace. It identifies the object for clients.",
        ]
        return [name]
            + columns.map { column in
                [
                    "name": .string(column.name), "type": .string(column.type), "format": .string(column.format),
                    "description": .string(column.description), "priority": .int(column.priority),
                ]
            }
    }

    /// The `cells` of a row. A missing value is null; kubectl shows `<none>` or nothing.
    func cells(_ object: JSON, now: Instant) -> [JSON] {
        [.string(object["metadata"]?["name"]?.string ?? "")]
            + columns.map { Self.cell($0.path.values(in: object), $0.type, now) }
    }

    private static func cell(_ values: [JSON], _ type: String, _ now: Instant) -> JSON {
        // As on the real server, the first of several values counts.
        guard let value = values.first else { return .null }
        switch type {
        case "string": return .string(text(value))
        case "integer":
            return value.int.map { .int($0) }
                ?? value.double.flatMap { Int64(exactly: $0.rounded(.towardZero)) }.map { .int($0) } ?? .null
        case "number": return value.double.map { .double($0) } ?? .null
        case "boolean": return value.bool.map { .bool($0) } ?? .null
        case "date": return value.string.map { .string(HumanDuration.age(of: $0, now: now)) } ?? .null
        default: return .null
        }
    }

    /// The value as kubectl's JSONPath prints it: texts bare, other values as JSON.
    private static func text(_ value: JSON) -> String {
        switch value {
        case .string(let text): text
        case .null: "<nil>"
        case .double(let number): GoText.number(number)
        default: GoText.json(value)
        }
    }
}

/// Ages as Kubernetes shows them: 45s, 3m5s, 12h, 5d3h, 2y10d.
enum HumanDuration {
    static func age(of timestamp: String, now: Instant) -> String {
        guard let nanoseconds = CELTime.timestamp(timestamp) else { return "<invalid>" }
        return text(seconds: now.secondsSince1970 - Double(nanoseconds) / 1e9)
    }

    static func text(seconds: Double) -> String {
        guard let total = Int(exactly: seconds.rounded(.towardZero)), total >= -1 else { return "<invalid>" }
        if total < 0 { return "0s" }
        func pair(_ high: Int, _ unit: String, _ low: Int, _ lowUnit: String) -> String {
            low == 0 ? "\(high)\(unit)" : "\(high)\(unit)\(low)\(lowUnit)"
        }
        let (minutes, hours) = (total / 60, total / 3_600)
        switch total {
        case ..<120: return "\(total)s"
        case ..<600: return pair(minutes, "m", total % 60, "s")
        case ..<10_800: return "\(minutes)m"
        case ..<28_800: return pair(hours, "h", minutes % 60, "m")
        case ..<172_800: return "\(hours)h"
        case ..<691_200: return pair(hours / 24, "d", hours % 24, "h")
        case ..<(86_400 * 365 * 2): return "\(hours / 24)d"
        case ..<(86_400 * 365 * 8): return pair(hours / 24 / 365, "y", hours / 24 % 365, "d")
        default: return "\(hours / 24 / 365)y"
        }
    }
}
