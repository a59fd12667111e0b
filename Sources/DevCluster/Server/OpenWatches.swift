import Support

/// The watches that are open, so that they can be ended from outside.
final class OpenWatches: Sendable {
    /// How a watch is ended by order.
    enum Ending: Sendable { case inOrder, gone, reset }

    private struct State {
        var watches: [ObjectIdentifier: OpenWatch] = [:]
    }
    private let state = Locked(State())

    func open(_ attributes: RequestAttributes) -> OpenWatch {
        let watch = OpenWatch(attributes)
        state.withLock { $0.watches[ObjectIdentifier(watch)] = watch }
        return watch
    }

    func close(_ watch: OpenWatch) { _ = state.withLock { $0.watches.removeValue(forKey: ObjectIdentifier(watch)) } }

    /// - Returns: how many.
    @discardableResult
    func end(_ ending: Ending, match: FaultRule.Match = FaultRule.Match()) -> Int {
        let hit = state.withLock { $0.watches.values.filter { match.covers($0.attributes, userAgent: "") } }
        for watch in hit { watch.end(ending) }
        return hit.count
    }
}

/// One of them.
final class OpenWatch: Sendable {
    private struct State {
        var ending: OpenWatches.Ending?
        var reader: Task<[UInt8]?, Never>?
    }
    let attributes: RequestAttributes
    private let state = Locked(State())

    init(_ attributes: RequestAttributes) { self.attributes = attributes }

    var ending: OpenWatches.Ending? { state.withLock { $0.ending } }

    /// The next piece of the stream; nil at its end, when it is ended by order and when the task is cancelled.
    func next(of stream: ResponseStream) async -> [UInt8]? {
        // A task of its own, since cancelling it is the one way to interrupt the stream; it inherits the event loop.
        let reader = Task { await stream.next() }
        let isEnded = state.withLock { state in
            state.reader = reader
            return state.ending != nil
        }
        if isEnded { reader.cancel() }
        let chunk = await withTaskCancellationHandler {
            await reader.value
        } onCancel: {
            reader.cancel()
        }
        return ending == nil ? chunk : nil
    }

    func end(_ ending: OpenWatches.Ending) {
        let reader = state.withLock { state in
            if state.ending == nil { state.ending = ending }
            return state.reader
        }
        reader?.cancel()
    }
}
