/// `filters` of a list, as `eq(state,1)+value_in(phase,QUEUED;RUNNING)`. An entry must match all of them.
///
/// It follows `flyteadmin/pkg/manager/impl/util/filters.go`, v1.16.8. It knows only the columns that its table names.
struct ListFilter {
    /// A table that can be filtered, with the letter that stands for it in errors.
    struct Table {
        var name: String
        var letter: String
        var columns: Set<String>
        static let projects = Table(
            name: "project", letter: "p", columns: ["identifier", "name", "description", "state", "created_at"])
        static let executions = Table(
            name: "execution", letter: "e",
            columns: [
                "execution_project", "execution_domain", "execution_name", "phase", "cluster", "error_code",
                "created_at",
            ])
    }
    fileprivate struct Term {
        var function: String
        var column: String
        var values: [String]
    }
    private static let single: Set<String> = ["contains", "not_like", "gt", "gte", "lt", "lte", "eq", "ne"]
    private static let repeated: Set<String> = ["value_in", "value_not_in"]

    private let terms: [Term]
    var columns: Set<String> { Set(terms.map(\.column)) }

    init(_ text: String, of table: Table) throws(GRPCFailure) {
        var terms: [Term] = []
        for part in text.isEmpty ? [] : text.split(separator: "+", omittingEmptySubsequences: false) {
            terms.append(try Self.term(part, table))
        }
        self.terms = terms
    }

    private static func term(_ text: Substring, _ table: Table) throws(GRPCFailure) -> Term {
        guard let open = text.firstIndex(of: "("), text.last == ")", open > text.startIndex,
            let comma = text[open...].firstIndex(of: ",")
        else { throw .invalidArgument("invalid value for filters") }
        let function = String(text[..<open])
        var column = String(text[text.index(after: open)..<comma])
        if column.hasPrefix(table.name + ".") { column.removeFirst(table.name.count + 1) }
        guard table.columns.contains(column) else {
            throw .invalidArgument("'\(table.letter).\(column)' is invalid filter")
        }
        guard single.contains(function) || repeated.contains(function) else {
            throw .invalidArgument("unrecognized filter function: \(function)")
        }
        let value = text[text.index(after: comma)...].dropLast().drop { $0 == " " }
        let values = value.split(separator: ";", omittingEmptySubsequences: false).map(String.init)
        return Term(function: function, column: column, values: values)
    }

    /// - Parameter column: a column's content.
    func takes(_ column: (String) -> String) -> Bool { terms.allSatisfy { $0.takes(column($0.column)) } }
}

extension ListFilter.Term {
    fileprivate func takes(_ content: String) -> Bool {
        let value = values.first ?? ""
        return switch function {
        case "eq": content == value
        case "ne": content != value
        case "contains": content.contains(value)
        case "not_like": content != value
        case "gt": content > value
        case "gte": content >= value
        case "lt": content < value
        case "lte": content <= value
        case "value_in": values.contains(content)
        default: !values.contains(content)
        }
    }
}
