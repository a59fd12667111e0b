import Fleet
import JSON
import Kube
import KubeObjects

extension Reconcilers {
    /// Says of an object that does not fit its type, or whose spec can't be used, what is wrong with it.
    func report(
        malformed metadata: ObjectMeta, _ type: ResourceType, _ verdicts: [ConditionVerdict]
    ) async throws(KubeError) {
        // Its own conditions could not be read with the rest; they are read by themselves, once.
        let before: [Condition]
        if let known = malformedBefore(metadata.uid ?? metadata.name) {
            before = known
        } else {
            before = try await writer.conditions(of: metadata, type)
        }
        let conditions = verdicts.conditions(previous: before, generation: metadata.generation, now: wallClock.now)
        let ready = conditions.first { $0.type == ConditionType.ready.rawValue }
        if let ready, ready.message != before.first(where: { $0.type == ready.type })?.message {
            events.publish(
                regarding: metadata, type: type, isWarning: true, reason: ready.reason, action: "Reconcile",
                note: ready.message)
        }
        remember(malformed: metadata.uid ?? metadata.name, conditions)
        var status: JSON = ["conditions": (try? JSON(encoding: conditions)) ?? []]
        if let generation = metadata.generation { status["observedGeneration"] = .int(generation) }
        do throws(KubeError) {
            try await writer.write(status, current: nil, of: metadata, type: type)
        } catch {
            // Rules of the CRD that can't be evaluated on such an object keep even its status from being written. The
            // event has said it; a change of the object brings it back.
            guard error.isInvalid else { throw error }
            logger.warning("the status can't be written: \(error)")
        }
    }
}
