/// What an agent remembers of its writes, as a value.
struct SyncMemory: Sendable {
    /// Namespaces that failed, perhaps for a common cause.
    var setbacks = Setbacks()
    var rewrites = RewriteGuard()
    var latencies = SyncLatencies()
    var pruning = PruneGate<DataPlanePlan.Version>()
}
