import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// Deletes what the templates no longer have, where the registry asks for it.
struct Pruner {
    struct Surplus: Hashable {
        var type: ResourceType
        var key: ObjectKey
        var version: UInt64?
    }
    let session: DataPlaneSession
    let plan: DataPlanePlan

    /// Deletes the surplus of one namespace, whose wanted objects are all in place. Answers why it can't, if it can't.
    func prune(_ namespace: String, wanted: [DesiredObject]) async throws(KubeError) {
        guard let pruning = plan.pruning else { return }
        let surplus = surplus(at: namespace, wanted)
        guard !surplus.isEmpty else { return }
        guard session.pruneObjection(plan, pruning) == nil else { return }
        // What refers to others goes before what it refers to.
        for object in surplus.sorted(by: { ApplyOrder.rank($0.type) > ApplyOrder.rank($1.type) }) {
            guard let link = session.writableLink, session.context.mayWrite() else { return }
            do throws(KubeError) {
                try await link.delete(object.type, object.key, ifVersion: object.version)
                session.context.metrics.wrote(session.name, .deleted)
            } catch {
                // It is gone already, or it has changed: the watch brings us back.
                if !error.isNotFound, !error.isConflict { throw error }
            }
        }
    }

    /// Objects that we applied there and that are not wanted.
    private func surplus(at namespace: String, _ wanted: [DesiredObject]) -> [Surplus] {
        let kept = Set(wanted.map { "\($0.type)/\($0.key)" })
        return session.watchedTypes.flatMap { type, observed in
            observed.objects(at: namespace).compactMap { key in
                guard !Pruning.spares(type, key.name), !kept.contains("\(type)/\(key)"),
                    let seen = observed[key], seen.isApplied, !seen.isTerminating
                else { return nil }
                return Surplus(type: type, key: key, version: seen.version)
            }
        }
    }

    /// How many objects of the whole data plane are surplus, of how many that are managed there. Walks through all of
    /// them: for when something is about to be deleted.
    func census() -> (surplus: Int, managed: Int) {
        let managed = session.watchedTypes.filter { $0.type != Namespace.resourceType }.reduce(0) {
            $0 + $1.objects.store.count
        }
        let surplus = plan.namespaces.keys.reduce(0) { count, namespace in
            guard case .objects(let objects, let refused)? = plan.content(namespace), refused.isEmpty else {
                return count
            }
            return count + self.surplus(at: namespace, objects).count
        }
        return (surplus, managed)
    }
}
