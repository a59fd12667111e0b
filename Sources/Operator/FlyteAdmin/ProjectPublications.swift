import Fleet
import KubeObjects
import Support

/// What is known of each FlyteProject in flyteadmin, for the controllers.
final class ProjectPublications: Sendable {
    private struct Known: Sendable, Hashable {
        var demand: ProjectDemand
        var publication: Publication
    }
    private let known = Locked<[String: Known]>([:])

    /// The state of an object with this demand. If nothing is known yet, it repeats the object's status, if that is
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

    /// Replaces all states. Returns the objects whose state has changed.
    ///
    /// - Parameter isFirstFailure: a single lost request says nothing about what was there a moment ago. The former
    ///   state stays until a second request fails.
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
                    // Without a former state, the status of an earlier process stays.
                    new[name] = known[name].flatMap { $0.demand == entry.demand ? $0 : nil }
                }
            }
            let changed = Set(new.keys).union(known.keys).filter { known[$0] != new[$0] }
            known = new
            return changed.sorted()
        }
    }
}
