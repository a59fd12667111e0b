/// `filters` of a list of projects. A filter replaces the default, which leaves out archived projects. It has only the
/// columns and functions that are used: `eq(state,1)`, `ne(state,1)`.
///
/// It follows `flyteadmin/pkg/manager/impl/util/filters.go`, v1.16.8.
struct ProjectFilter {
    private let isEqual: Bool
    private let state: String

    init(_ text: String) throws(GRPCFailure) {
        guard let open = text.firstIndex(of: "("), text.last == ")", open > text.startIndex,
            let comma = text[open...].firstIndex(of: ",")
        else { throw .invalidArgument("invalid value for filters") }
        let function = text[..<open]
        let field = text[text.index(after: open)..<comma]
        let value = text[text.index(after: comma)...].dropLast()
        guard field == "state" else { throw .invalidArgument("'p.\(field)' is invalid filter") }
        switch function {
        case "eq": isEqual = true
        case "ne": isEqual = false
        default: throw .invalidArgument("unrecognized filter function: \(function)")
        }
        state = String(value.drop { $0 == " " })
    }

    func takes(_ project: Tables.ProjectState) -> Bool { (String(project.rawValue) == state) == isEqual }
}
