/// What flyteadmin itself told a command, beside the objects of the control plane.
public struct FlyteAdminView: Sendable, Hashable {
    /// An execution as flyteadmin has it.
    public struct Execution: Sendable, Hashable {
        /// Empty if it was created in no cluster.
        public var cluster: String
        /// `SUCCEEDED`, `FAILED`, …
        public var phase: String
        /// The launch's own label. Empty without one.
        public var label: String
        public var workflow: String

        public init(cluster: String, phase: String = "", label: String = "", workflow: String = "") {
            self.cluster = cluster
            self.phase = phase
            self.label = label
            self.workflow = workflow
        }
    }
    public enum ExecutionReading: Sendable, Hashable {
        case notAsked
        case absent
        case present(Execution)
        /// The text says why it is not known.
        case unknown(String)
    }
    /// Its execution cluster labels without those of launch plans. Nil if they could not be read.
    public var rows: [AdminRowKey: String]?
    public var execution: ExecutionReading
    /// Why it could not be asked for everything.
    public var problem: String?

    public init(
        rows: [AdminRowKey: String]? = nil, execution: ExecutionReading = .notAsked, problem: String? = nil
    ) {
        self.rows = rows
        self.execution = execution
        self.problem = problem
    }
}

extension AdminRowKey {
    /// The place for people: "project p", "p/d", "workflow w in p/d".
    public var place: String {
        if isWholeProject { return "project \(project)" }
        return workflow.isEmpty ? "\(project)/\(domain)" : "workflow \(workflow) in \(project)/\(domain)"
    }
}
