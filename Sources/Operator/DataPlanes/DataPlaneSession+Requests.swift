import Fleet

extension DataPlaneSession {
    /// Where its writes are told of.
    var writeLog: WriteLog { WriteLog(context.logger) }

    /// The copies of `replicateSecrets`, as far as they are to be written.
    var copies: ReplicationCounts {
        let plan = currentPlan
        return progress.copies(of: plan.isObserving ? [] : plan.copies)
    }

    /// A person wants to see now whether it works: it is probed, and what failed is tried again, whatever its backoff.
    func tryAgain() {
        probeAgain()
        flyte?.lookAgain()
        watches.retryRefused()
        queue.add(progress.unsynced)
    }

    /// The same for some namespaces alone.
    func tryAgain(_ namespaces: [String]) {
        queue.add(namespaces.filter { progress[$0] != nil && !progress.isSynced($0) })
    }
}
