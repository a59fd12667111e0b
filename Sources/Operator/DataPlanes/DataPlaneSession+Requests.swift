extension DataPlaneSession {
    /// A person wants to see now whether it works: it is probed, and what failed is tried again, whatever its backoff.
    func tryAgain() {
        probeAgain()
        watches.retryRefused()
        queue.add(progress.unsynced)
    }

    /// The same for some namespaces alone.
    func tryAgain(_ namespaces: [String]) {
        queue.add(namespaces.filter { progress[$0] != nil && !progress.isSynced($0) })
    }
}
