import Support

/// The watches that are open, so that they can be ended from outside.
final class OpenWatches: Sendable {
    /// The ways to end a watch.
    enum Ending: String, Sendable { case inOrder = "in-order", gone, reset }

    private let watches = Locked<[ObjectIdentifier: OpenWatch]>([:])

    func open(_ attributes: RequestAttributes, userAgent: String, task: Task<Void, Never>?) -> OpenWatch {
        let watch = OpenWatch(attributes, userAgent: userAgent, task: task)
        watches.withLock { $0[ObjectIdentifier(watch)] = watch }
        return watch
    }

    func close(_ watch: OpenWatch) { _ = watches.withLock { $0.removeValue(forKey: ObjectIdentifier(watch)) } }

    /// - Returns: how many.
    @discardableResult
    func end(_ ending: Ending, match: FaultRule.Match = FaultRule.Match()) -> Int {
        let hit = watches.withLock { $0.values.filter { match.covers($0.attributes, userAgent: $0.userAgent) } }
        for watch in hit { watch.end(ending) }
        return hit.count
    }
}

/// One open watch.
final class OpenWatch: Sendable {
    let attributes: RequestAttributes
    let userAgent: String
    /// The exchange's task. Cancelling it interrupts the stream.
    private let task: Task<Void, Never>?
    private let order = Locked<OpenWatches.Ending?>(nil)

    init(_ attributes: RequestAttributes, userAgent: String, task: Task<Void, Never>?) {
        self.attributes = attributes
        self.userAgent = userAgent
        self.task = task
    }

    /// Nil until its end is ordered.
    var ending: OpenWatches.Ending? { order.withLock { $0 } }

    func end(_ ending: OpenWatches.Ending) {
        order.withLock { $0 = $0 ?? ending }
        task?.cancel()
    }
}
