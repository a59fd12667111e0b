/// The reads of lists and watches. They are consistent, by revision.
extension ObjectStore {
    /// The list is not (or no longer) possible at the wanted revision.
    enum ReadFailure: Error {
        case expired
        case tooLarge(current: Int64)
    }

    struct Page: Sendable {
        var entries: ArraySlice<ObjectCollection.Entry>
        /// The revision whose state the page shows.
        var revision: Int64
    }

    /// The objects of a range, now or at an exact earlier revision.
    func read(
        _ resource: GroupResource, from: String, to: String?, exactly revision: Int64? = nil
    ) throws(ReadFailure) -> Page {
        try state.withLock { state throws(ReadFailure) -> Page in
            let collection = state.collections[resource] ?? ObjectCollection()
            guard let revision, revision != state.revision else {
                return Page(entries: collection.range(from: from, to: to), revision: state.revision)
            }
            guard revision < state.revision else { throw .tooLarge(current: state.revision) }
            guard revision >= state.compacted, let entries = collection.range(from: from, to: to, at: revision) else {
                throw .expired
            }
            return Page(entries: entries[...], revision: revision)
        }
    }

    /// The next changes for a watch.
    enum Changes: Sendable {
        /// The changes up to `through`, oldest first. Empty if nothing has happened.
        case some([StoredChange], through: Int64)
        /// The history no longer reaches back to the wanted revision.
        case expired(oldest: Int64)
    }

    func changes(_ resource: GroupResource, after revision: Int64, limit: Int = 256) -> Changes {
        state.withLock { state in
            guard let collection = state.collections[resource] else {
                return revision < state.compacted
                    ? .expired(oldest: state.compacted) : .some([], through: state.revision)
            }
            let oldest = max(state.compacted, collection.floor)
            guard revision >= oldest else { return .expired(oldest: oldest) }
            let changes = collection.changes(after: revision)
            if changes.count <= limit { return .some(Array(changes), through: max(revision, state.revision)) }
            let some = Array(changes.prefix(limit))
            return .some(some, through: some[limit - 1].revision)
        }
    }

    /// Has everybody who waits for a change of the resource look again, although nothing has changed.
    func wakeReaders(of resource: GroupResource) {
        let waiting = state.withLock { $0.waiting.removeValue(forKey: resource) ?? [:] }
        for continuation in waiting.values { continuation.resume() }
    }

    /// Returns once the resource has changed after `revision`, when its readers are woken, or when the task is cancelled.
    func waitForChange(_ resource: GroupResource, after revision: Int64) async {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let done = state.withLock { state -> Bool in
                    if Task.isCancelled { return true }
                    if let last = state.collections[resource]?.history.last, last.revision > revision { return true }
                    if let floor = state.collections[resource]?.floor, floor > revision { return true }
                    state.waiting[resource, default: [:]][id] = continuation
                    return false
                }
                if done { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting[resource]?.removeValue(forKey: id) }?.resume()
        }
    }
}
