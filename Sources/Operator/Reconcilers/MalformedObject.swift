import Fleet
import JSON
import Kube
import KubeObjects

extension Reconcilers {
    /// Reports what is wrong with an object that does not fit its type, or whose spec can't be used.
    ///
    /// - Parameter kept: the fields of the status that stay even if the object is broken. All others are dropped.
    func report(
        malformed metadata: ObjectMeta, _ type: ResourceType, _ verdicts: [ConditionVerdict], kept: [String] = []
    ) async throws(KubeError) {
        // The typed object has no status then, so its status is read separately, once.
        var status: JSON
        if let known = malformedBefore(metadata) {
            status = known
        } else {
            let stored = try await writer.status(of: metadata, type)
            status = .object((stored.object ?? [:]).filter { $0.key == "conditions" || kept.contains($0.key) })
        }
        let before = (status["conditions"]?.array ?? []).compactMap { try? $0.decode(Condition.self) }
        let conditions = verdicts.conditions(previous: before, generation: metadata.generation, now: wallClock.now)
        let ready = conditions.first { $0.type == ConditionType.ready.rawValue }
        if let ready, ready.message != before.first(where: { $0.type == ready.type })?.message {
            events.publish(
                regarding: metadata, type: type, isWarning: true, reason: ready.reason, action: "Reconcile",
                note: ready.message)
        }
        status["conditions"] = (try? JSON(encoding: conditions)) ?? []
        remember(malformed: status, of: metadata)
        if let generation = metadata.generation { status["observedGeneration"] = .int(generation) }
        do throws(KubeError) {
            try await writer.write(status, ofUnreadable: metadata, type: type)
        } catch {
            // If a rule of the CRD can't be evaluated on such an object, the API server refuses even its status. The
            // event has reported the problem, and a change of the object leads back here.
            guard error.isInvalid else { throw error }
            logger.warning("the status can't be written: \(error)")
        }
    }
}
