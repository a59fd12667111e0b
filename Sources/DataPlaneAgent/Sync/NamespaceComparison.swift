import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects

/// Stands in for `NamespaceSync` in Observe: it compares one namespace with its plan and writes nothing.
///
/// Most results come from what the watches showed. An object is read if the watch showed only its metadata, or if the
/// plan has changed since. So there are at most as many reads as `NamespaceSync` would send writes.
struct NamespaceComparison {
    let agent: Agent
    let plan: DataPlanePlan
    let namespace: String

    struct Result {
        var changes: [PlannedChange] = []
        var failures: [ObjectFailure] = []
        var isPending = false
        /// A read failed and must be tried again.
        var retry: KubeError?

        var progress: SyncProgress.Progress {
            if isPending { return .pending }
            if !changes.isEmpty { return .planned(changes, failures) }
            return failures.isEmpty ? .synced : .failed(failures)
        }
    }

    func result(_ objects: [DesiredObject], refused: [RenderedNamespace.Refusal]) async -> Result {
        var result = Result()
        for refusal in refused { fail(refusal.object, refusal.reason, refusal.message, &result) }
        var isMissing = false
        for object in objects {
            if isMissing {
                result.changes.append(planned(object, .create))
                continue
            }
            switch agent.readiness(of: object.type) {
            case .starting:
                result.isPending = true
                // The Namespace decides about everything in it.
                if object.type == Namespace.resourceType { return result }
            case .refused(let reason, let message):
                fail(object.description, reason, message, &result)
                if object.type == Namespace.resourceType { return result }
            case .ready(let inventory):
                if let seen = inventory[object.key] {
                    // If a namespace is left alone, so are the objects in it.
                    guard await compare(object, seen, inventory, &result) else { return result }
                } else if object.type == Namespace.resourceType {
                    result.changes.append(planned(object, .create))
                    isMissing = true
                } else {
                    // Nothing was kept for a namespace that was not wanted before.
                    await examine(object, nil, inventory, &result)
                }
            }
        }
        if !result.isPending, result.failures.isEmpty { addSurplus(objects, &result) }
        return result
    }

    /// False if nothing in the namespace can be written.
    private func compare(
        _ object: DesiredObject, _ seen: InventoryEntry, _ inventory: KindInventory, _ result: inout Result
    ) async -> Bool {
        if let (reason, why) = plan.refusal(of: object, seen.standing) {
            let mark = ".metadata.annotations." + Ownership.controlPlaneAnnotation
            result.changes.append(planned(object, .conflict, [mark]))
            fail(object.description, reason, why, &result)
            return false
        }
        if seen.isTerminating {
            fail(object.description, .namespaceTerminating, "\(object.description) is being deleted", &result)
            return object.type != Namespace.resourceType
        }
        if seen.satisfies != object.hash { await examine(object, seen.comparison, inventory, &result) }
        return true
    }

    /// - Parameter known: the comparison from the watch. The object is read if this is nil, or was made for another
    ///   plan.
    private func examine(
        _ object: DesiredObject, _ known: Comparison?, _ inventory: KindInventory, _ result: inout Result
    ) async {
        var comparison = known
        if known?.hash != object.hash {
            do throws(KubeError) {
                comparison = try await read(object, inventory)
            } catch {
                if error.isNotFound {
                    result.changes.append(planned(object, .create))
                } else {
                    // The result is not known before the object is read.
                    (result.isPending, result.retry) = (true, result.retry ?? error)
                    agent.requestFailed(error)
                }
                return
            }
        }
        switch comparison?.outcome(forces: plan.forcesConflicts, takesOver: agent.isFromFlyte(namespace)) {
        case nil: break
        case .change(let fields): result.changes.append(planned(object, .change, fields))
        case .conflict(let owned):
            result.changes.append(planned(object, .conflict, owned.map(\.field)))
            let text = owned.map(\.text).joined(separator: ", ")
            fail(object.description, .conflict, "\(object.description): \(text)", &result)
        }
    }

    private func read(_ object: DesiredObject, _ inventory: KindInventory) async throws(KubeError) -> Comparison? {
        guard let link = agent.readableLink else {
            throw KubeError(operation: "get \(object.description)", cause: .unexpectedAnswer("not connected"))
        }
        let found = try await link.read(object)
        let result = plan.observe(found.metadata, of: object.type, content: found.json)
        inventory.looked(result, object.key)
        return result.satisfies == object.hash ? nil : result.comparison
    }

    /// Adds what `prune` would delete.
    private func addSurplus(_ objects: [DesiredObject], _ result: inout Result) {
        guard let pruning = plan.pruning, plan.mayPrune, !agent.isListing(plan.types) else { return }
        let surplus = Pruner(agent: agent, plan: plan).surplus(at: namespace, objects).filter { !$0.isTerminating }
        guard !surplus.isEmpty else { return agent.hasNoSurplus(namespace) }
        guard agent.mayPrune(namespace, plan, pruning) else { return }
        result.changes += surplus.map {
            PlannedChange(namespace: namespace, object: "\($0.type)/\($0.key.name)", action: .delete)
        }
    }

    private func planned(
        _ object: DesiredObject, _ action: PlannedChange.Action, _ fields: [String] = []
    ) -> PlannedChange {
        PlannedChange(namespace: namespace, object: object.description, action: action, fields: fields)
    }

    private func fail(_ object: String, _ reason: FailureReason, _ message: String, _ result: inout Result) {
        let entry = FailureEntry.next(
            after: agent.progress.failure(of: object, in: namespace), namespace: namespace, object: object,
            reason: reason, message: plan.secrets.clean(message), now: agent.context.wallClock.now)
        result.failures.append(ObjectFailure(entry, nextTry: .notInObserve))
    }
}
