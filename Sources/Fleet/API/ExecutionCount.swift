import KubeObjects

/// What flyteadmin still runs on a data plane that takes nothing new: `status.executions`.
public struct ExecutionCount: Sendable, Hashable, Codable {
    /// Executions that have not ended.
    public var running: Int
    /// When the counting began: what was launched after that is not in it.
    public var asOf: Timestamp

    public init(running: Int, asOf: Timestamp) {
        self.running = running
        self.asOf = asOf
    }
}

extension DataPlane {
    /// Whether it is only waited for the end of what runs there.
    public var takesNothingNew: Bool { spec.unschedulable || !spec.enabled }
}
