import ControlLoop
import Fleet
import Kube
import KubeObjects

/// What an agent does with the watches of its data plane.
extension Agent {
    func watcher(of type: ResourceType, into objects: KindInventory) -> TypeWatches.TypeWatcher {
        objects.store.subscribe { [weak self] change in
            guard let self, change.origin != .firstList else { return }
            switch change.kind {
            case .added(let seen), .updated(_, let seen):
                // Most events report our own writes and need no work.
                if !self.isSettled(seen) { self.lookAgain(at: seen.place) }
            case .deleted(let last): self.lookAgain(at: last.place)
            }
        }
        let budget = context.settings.budget
        var configuration = context.settings.watcher
        configuration.maximumPages = min(configuration.maximumPages, budget.pages)
        return Watcher(
            AgentListWatch(type: type, agent: self), into: objects.store,
            configuration: configuration, timeline: context.timeline,
            observer: { [weak self] status in
                // The status of a dropped watch does not count.
                guard let self, self.watches[type] === objects else { return }
                self.watch(of: type, became: status)
            },
            room: { [weak self] in self?.room(for: type, budget) ?? 0 },
            project: { [weak self] object in self?.observe(object.metadata, object.object?.whole, of: type) })
    }

    /// Somebody changed an object there. The watch of Namespaces shows all of them, and most may not be ours.
    private func lookAgain(at place: String) {
        if currentPlan.namespaces[place] != nil { want([place]) }
    }

    /// The most objects of that kind that are kept. All kinds of a data plane share one budget.
    private func room(for type: ResourceType, _ budget: Budget) -> Int {
        max(0, budget.objects(wanted: wantedObjects) - watches.count(without: type))
    }

    /// An upper bound of the objects in the plan.
    private var wantedObjects: Int {
        let plan = currentPlan
        return plan.namespaces.count * max(1, plan.types.count)
    }

    private func isSettled(_ seen: InventoryEntry) -> Bool {
        !seen.isTerminating && seen.foreignOwner == nil && seen.satisfies != nil
            && (progress.isSynced(seen.place) || queue.isInFlight(seen.place))
    }

    private func watch(of type: ResourceType, became status: WatcherStatus) {
        context.logger.debug("watch", metadata: ["dataplane": "\(name)", "type": "\(type)", "status": "\(status)"])
        switch status {
        case .synced(_, let afterWatchFailure):
            let isFirst = watches[type]?.listing == 0
            // This comes first, before anything is written on the strength of this list.
            let answered = watches[type]?.listedAnew() ?? []
            let wasRefused = watches.listed(type)
            requestSucceeded(["list"], type)
            // If no review may be asked, a successful list is what we know about our rights.
            if facts.authorization == .unsaid { context.changed(name, .facts) }
            // Queue the namespaces that were taken before this kind was listed, and those whose last write the list may
            // not show. The store reports no changes for a first list, so all namespaces are looked at: one that was in
            // sync may have been so in another cluster, or may hold surplus objects. After a refusal all are looked at, too:
            // a worker may have met the refusal, and has not noted its result yet.
            let all = isFirst || wasRefused
            queue.add(all ? Array(currentPlan.namespaces.keys) : progress.unsynced, priority: .background)
            queue.add(answered, priority: .background)
            // If each list succeeds and each watch fails, the trouble must not come and go with the lists.
            if !afterWatchFailure { setTrouble(nil, of: type) }
        case .connected:
            requestSucceeded([], type)
            // The watch goes on from its version, so no list may come to end the refusal.
            if watches.listed(type) { queue.add(Array(currentPlan.namespaces.keys), priority: .background) }
        case .following:
            requestSucceeded(["watch"], type)
            setTrouble(nil, of: type)
        case .failing(let error, let attempts, _):
            // A 401 is the list's own trouble as long as probes succeed.
            guard error.isForbidden || error.isUnauthorized || error.isNotServed else {
                if Self.isToTell(error, after: attempts) { setTrouble("\(error)", of: type) }
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

    /// Whether users are told about an error of a list or a watch. One that fails once or twice is tried again first. A
    /// timeout has taken its time already. Errors of the connection are not told here: the probe reports whether it works.
    private static func isToTell(_ error: KubeError, after attempts: Int) -> Bool {
        guard case .transport(let failure) = error.cause else { return attempts >= 3 }
        return switch failure.kind {
        case .timeout: true
        case .bodyTooLarge: attempts >= 3
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
