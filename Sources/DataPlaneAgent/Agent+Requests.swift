import ControlLoop
import Fleet

extension Agent {
    /// Logs this data plane's writes.
    var writeLog: WriteLog { WriteLog(context.logger) }

    /// The copies of `replicateSecrets`, as far as they may be written.
    var copies: ReplicationCounts {
        let plan = currentPlan
        return progress.copies(of: plan.isObserving ? [] : plan.copies)
    }

    /// A person wants to know now whether it works. It is probed, and failed namespaces are tried again without their
    /// backoff.
    package func tryAgain() {
        probeAgain()
        flyteHealth.lookAgain()
        watches.retryRefused()
        queue.add(progress.unsynced)
    }

    /// The same for only some namespaces.
    package func tryAgain(_ namespaces: [String]) {
        queue.add(namespaces.filter { progress[$0] != nil && !progress.isSynced($0) })
    }
}
