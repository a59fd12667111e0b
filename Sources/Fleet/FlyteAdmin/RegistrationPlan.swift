/// A project as flyteadmin has it.
public struct RegisteredProject: Sendable, Hashable {
    public var name: String
    public var description: String
    public var labels: [String: String]
    public var isArchived: Bool
    public init(name: String, description: String = "", labels: [String: String] = [:], isArchived: Bool = false) {
        self.name = name
        self.description = description
        self.labels = labels
        self.isArchived = isArchived
    }
}

/// What to do for a project that should be registered.
public enum RegistrationStep: Sendable, Hashable {
    case none
    /// Register it with this content. Without a name of its own it gets the project's id.
    case register(RegisteredProject)
    /// Change it. Empty fields stay as they are.
    case change(RegisteredProject)
    /// A person archived it, so it stays archived.
    case archived

    /// - Parameter present: nil if flyteadmin has no such project.
    public init(_ wanted: ProjectRegistration, id: String, present: RegisteredProject?) {
        let name = wanted.name.isEmpty ? id : wanted.name
        guard let present else {
            self = .register(
                RegisteredProject(name: name, description: wanted.description, labels: wanted.labels))
            return
        }
        if present.isArchived {
            self = .archived
            return
        }
        let change = RegisteredProject(
            name: wanted.name.isEmpty || wanted.name == present.name ? "" : wanted.name,
            description: wanted.description == present.description ? "" : wanted.description,
            labels: wanted.labels == present.labels ? [:] : wanted.labels)
        self = change == RegisteredProject(name: "") ? .none : .change(change)
    }
}
