import Fleet

/// The argument of `squadron why`: `PROJECT/DOMAIN`, or a namespace's name.
public enum StorySubject: Sendable, Hashable, CustomStringConvertible {
    case namespace(String)
    case projectDomain(ProjectDomain)

    /// Nil for a text that is neither.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        switch parts.count {
        case 1 where !text.isEmpty: self = .namespace(text)
        case 2 where !parts[0].isEmpty && !parts[1].isEmpty:
            self = .projectDomain(ProjectDomain(project: parts[0], domain: parts[1]))
        default: return nil
        }
    }

    public var description: String {
        switch self {
        case .namespace(let name): name
        case .projectDomain(let key): key.description
        }
    }
}
