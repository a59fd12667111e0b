import KubeObjects

/// What flyteadmin still runs on a data plane that gets no new executions: `status.executions`.
public struct ExecutionCount: Sendable, Hashable, Codable {
    /// Executions that have not ended.
    public var running: Int
    /// When the count began. Later launches are not in it.
    public var asOf: Timestamp

    public init(running: Int, asOf: Timestamp) {
        self.running = running
        self.asOf = asOf
    }
}

extension DataPlane {
    /// Whether it gets no new executions, so that only running ones must end.
    public var takesNothingNew: Bool { spec.unschedulable || !spec.enabled }
}
