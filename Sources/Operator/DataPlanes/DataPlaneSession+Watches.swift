import ControlLoop
import Fleet
import Kube
import KubeObjects

/// What a session makes of the watches of its data plane.
extension DataPlaneSession {
    func watcher(of type: ResourceType, into objects: ObservedObjects) -> TypeWatches.TypeWatcher {
        objects.store.subscribe { [weak self] change in
            guard let self, change.origin != .firstList else { return }
            switch change.kind {
            case .added(let seen), .updated(_, let seen):
                // Most events report what we have just written: they ask for no work.
                if !self.isSettled(seen) { self.lookAgain(at: seen.place) }
            case .deleted(let last): self.lookAgain(at: last.place)
            }
        }
        let budget = context.settings.budget
        var configuration = context.settings.watcher
        configuration.maximumPages = min(configuration.maximumPages, budget.pages)
        return Watcher(
            SessionListWatch(type: type, session: self), into: objects.store,
            configuration: configuration, timeline: context.timeline,
            observer: { [weak self] status in
                // One that was dropped has nothing more to say.
                guard let self, self.watches[type] === objects else { return }
                self.watch(of: type, became: status)
            },
            room: { [weak self] in self?.room(for: type, budget) ?? 0 },
            project: { [weak self] object in self?.observe(object.metadata, object.object, of: type) })
    }

    /// Somebody changed something there. Of Namespaces all are watched: most may be none of ours.
    private func lookAgain(at place: String) {
        if currentPlan.namespaces[place] != nil { want([place]) }
    }

    /// How many objects of that kind are kept: the kinds of a data plane share one budget.
    private func room(for type: ResourceType, _ budget: Budget) -> Int {
        max(0, budget.objects(wanted: wantedObjects) - watches.count(without: type))
    }

    /// As many as the plan may have.
    private var wantedObjects: Int {
        let plan = currentPlan
        return plan.namespaces.count * max(1, plan.types.count)
    }

    private func isSettled(_ seen: ObservedObject) -> Bool {
        !seen.isTerminating && seen.foreignOwner == nil && seen.satisfies != nil
            && (progress.isSynced(seen.place) || queue.isInFlight(seen.place))
    }

    private func watch(of type: ResourceType, became status: WatcherStatus) {
        context.logger.debug("watch", metadata: ["dataplane": "\(name)", "type": "\(type)", "status": "\(status)"])
        switch status {
        case .synced(_, let afterWatchFailure):
            let isFirst = watches[type]?.listing == 0
            // Before anything is written on the strength of this list.
            let answered = watches[type]?.listedAnew() ?? []
            _ = watches.listed(type)
            requestSucceeded(["list"], type)
            // Where no review may be asked, that a list went well is what is known of our rights.
            if facts.authorization == .unsaid { context.changed(name, .facts) }
            // Those whose turn came before this kind was listed, and those whose last write the list may not show. Of a
            // first list no change is told, so that each has a look at it: what was in sync may have been so elsewhere, and
            // may have something that is surplus.
            queue.add(isFirst ? Array(currentPlan.namespaces.keys) : progress.unsynced, priority: .background)
            queue.add(answered, priority: .background)
            // Where each list is good and each watch fails, the trouble must not come and go with them.
            if !afterWatchFailure { setTrouble(nil, of: type) }
        case .connected:
            requestSucceeded([], type)
            // It goes on where it was, so there may be no list that says that the refusal is over.
            if watches.listed(type) { queue.add(progress.unsynced, priority: .background) }
        case .following:
            requestSucceeded(["watch"], type)
            setTrouble(nil, of: type)
        case .failing(let error, let attempts, _):
            // 401: the list's alone, as long as probes are answered well.
            guard error.isForbidden || error.isUnauthorized || error.isNotServed else {
                if attempts >= Self.failuresToTell, Self.isOfTheKind(error) { setTrouble("\(error)", of: type) }
                return requestFailed(error)
            }
            if error.isUnauthorized { requestFailed(error) }
            guard watches.refused(type, error.isNotServed ? .kindNotServed : .forbidden, error.description) else {
                return
            }
            queue.add(progress.unsynced, priority: .background)
            if error.isForbidden {
                for verb in ["list", "watch"] { noted(verb, type, error) }
                wasForbidden()
            }
        case .full: hasTooManyObjects(context.settings.budget.objects(wanted: wantedObjects))
        case .cut(let error):
            context.logger.debug("watch cut, goes on", metadata: ["type": "\(type)", "why": "\(error)"])
            watchWasCut()
        case .silent(let after):
            context.logger.info("watch silent, replaced", metadata: ["type": "\(type)", "after": "\(after)"])
        case .suspicious(let suspicion, _):
            setTrouble(
                "list of \(type): \(suspicion); that is not believed at once, and nothing follows from it until it has been "
                    + "said several times", of: type)
        case .confirmed, .paused: break
        }
    }

    /// One that fails once or twice is tried again before anybody is told.
    private static let failuresToTell = 3

    /// Whether the way to the data plane is fine, the probe tells.
    private static func isOfTheKind(_ error: KubeError) -> Bool {
        guard case .transport(let failure) = error.cause else { return true }
        return switch failure.kind {
        case .timeout, .bodyTooLarge: true
        default: false
        }
    }

    private func setTrouble(_ trouble: String?, of type: ResourceType) {
        guard facts.listTroubles[type.description] != trouble else { return }
        change { state in
            state.trouble(with: type, trouble)
            return []
        }
    }
}
