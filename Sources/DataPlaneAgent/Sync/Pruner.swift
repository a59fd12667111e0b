import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// Deletes objects that left the templates, if the registry asks for it.
struct Pruner {
    struct Surplus: Hashable {
        var type: ResourceType
        var key: ObjectKey
        var version: UInt64?
        var isTerminating: Bool
    }
    let agent: Agent
    let plan: DataPlanePlan

    /// Deletes the surplus of one namespace, whose wanted objects are all in place. It reports what it held back.
    ///
    /// True if some surplus is still there. An accepted delete is not the end of an object: a finalizer may keep it. The
    /// watch shows the end and queues the namespace again.
    ///
    /// - Parameter isCurrent: asked right before each delete. A newer plan may want the object again.
    func prune(
        _ namespace: String, wanted: [DesiredObject], while isCurrent: () -> Bool
    ) async throws(KubeError) -> Bool {
        guard let pruning = plan.pruning, plan.mayPrune else { return false }
        let found = surplus(at: namespace, wanted)
        let surplus = found.filter { !$0.isTerminating }
        if surplus.isEmpty {
            agent.hasNoSurplus(namespace, ending: found.map { "\($0.type)/\($0.key.name)" }.min())
            return !found.isEmpty
        }
        guard agent.mayPrune(namespace, plan, pruning) else { return false }
        // Objects that refer to others are deleted first.
        for object in surplus.sorted(by: { ApplyOrder.rank($0.type) > ApplyOrder.rank($1.type) }) {
            guard isCurrent(), let link = agent.writableLink, agent.context.mayWrite() else { return true }
            do throws(KubeError) {
                try await link.delete(object.type, object.key, ifVersion: object.version)
                agent.context.metrics.wrote(agent.name, .deleted)
                agent.writeLog(
                    WriteLine(
                        .pruned, "\(object.type)/\(object.key.name)", in: namespace, dataPlane: agent.name,
                        revision: plan.stage))
            } catch {
                // The object is gone already, or has changed. The watch queues this namespace again.
                if !error.isNotFound, !error.isConflict { throw error }
            }
        }
        return !self.surplus(at: namespace, wanted).isEmpty
    }

    /// The objects that we applied there and that are not wanted, also those that are being deleted.
    func surplus(at namespace: String, _ wanted: [DesiredObject]) -> [Surplus] {
        let kept = Set(wanted.map { "\($0.type)/\($0.key)" })
        return agent.watchedTypes.flatMap { type, inventory in
            inventory.objects(at: namespace).compactMap { key in
                guard !Pruning.spares(type, key.name), !kept.contains("\(type)/\(key)"),
                    let seen = inventory[key], seen.isApplied
                else { return nil }
                return Surplus(type: type, key: key, version: seen.version, isTerminating: seen.isTerminating)
            }
        }
    }

    struct Census {
        var surplus = 0
        /// Our own objects without Namespaces.
        var managed = 0
        /// The first broken template or placeholder.
        var broken: String?
    }

    /// Counts the surplus objects and our objects in the whole data plane. It walks through all objects, so call it
    /// only when something is about to be deleted.
    ///
    /// Another registry may have objects with the same labels there. Its Namespaces say so. What is in them counts
    /// neither as surplus nor as ours.
    func census() -> Census {
        var census = Census()
        let watched = agent.watchedTypes.filter { $0.type != Namespace.resourceType }
        for namespace in plan.namespaces.keys.sorted() where !isForeign(namespace) {
            census.managed += watched.reduce(0) { count, watch in
                let keys = watch.objects.objects(at: namespace)
                return count + keys.count { watch.objects[$0]?.isApplied ?? false }
            }
            switch plan.content(namespace) {
            case .objects(let objects, let refused)?:
                let isBroken: Set<FailureReason> = [.placeholderUnresolved, .templateInvalid]
                if let first = refused.first(where: { isBroken.contains($0.reason) }) {
                    census.broken = census.broken ?? "\(first.object): \(first.message)"
                }
                if refused.isEmpty { census.surplus += surplus(at: namespace, objects).count { !$0.isTerminating } }
            case .failure(_, let object, let message)?: census.broken = census.broken ?? "\(object): \(message)"
            case .pending?: census.broken = census.broken ?? "\(namespace): something that it needs is not read yet"
            case nil: break
            }
        }
        return census
    }

    private func isForeign(_ namespace: String) -> Bool {
        agent.watches[Namespace.resourceType]?[ObjectKey(namespace: nil, name: namespace)]?.foreignOwner != nil
    }
}
