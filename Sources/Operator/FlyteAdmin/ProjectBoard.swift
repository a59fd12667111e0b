import Fleet
import KubeObjects
import Support

/// What is known of each FlyteProject in flyteadmin: for the reconcilers to read.
final class ProjectBoard: Sendable {
    private struct Known: Sendable, Hashable {
        var demand: ProjectDemand
        var publication: Publication
    }
    private let known = Locked<[String: Known]>([:])

    /// What to say of an object that wants this. Of one that nothing is known of yet: what was said before, if that was
    /// about the same spec.
    func publication(of object: FlyteProject, _ demand: ProjectDemand) -> Publication {
        if let known = known.withLock({ $0[object.metadata.name] }), known.demand == demand { return known.publication }
        let before = object.status?.conditions[.published]
        if let before, before.observedGeneration == object.metadata.generation,
            before.reason != Reason.flyteAdminNotConfigured
        {
            return .asBefore(before.status, reason: before.reason, message: before.message)
        }
        return .pending
    }

    /// Replaces all of it. Returns the objects of which something else is known now.
    ///
    /// - Parameter isFirstFailure: one request that was lost says nothing of what was there a moment ago: that stays, until
    ///   a second one fails.
    func replace(
        _ demands: [String: ProjectDemand], isFirstFailure: Bool = false, _ publication: (ProjectDemand) -> Publication
    ) -> [String] {
        var new: [String: Known] = [:]
        for (name, demand) in demands {
            new[name] = Known(demand: demand, publication: publication(demand))
        }
        return known.withLock { known in
            if isFirstFailure {
                for (name, entry) in new {
                    guard case .unreachable = entry.publication else { continue }
                    // Nothing is known of it yet: what an earlier process said stays.
                    new[name] = known[name].flatMap { $0.demand == entry.demand ? $0 : nil }
                }
            }
            let changed = Set(new.keys).union(known.keys).filter { known[$0] != new[$0] }
            known = new
            return changed.sorted()
        }
    }
}
