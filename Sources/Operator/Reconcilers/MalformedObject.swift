import Fleet
import JSON
import Kube
import KubeObjects

extension Reconcilers {
    /// Says of an object that does not fit its type, or whose spec can't be used, what is wrong with it.
    func report(
        malformed metadata: ObjectMeta, _ type: ResourceType, _ verdicts: [ConditionVerdict]
    ) async throws(KubeError) {
        // Its own conditions could not be read; the time of the last change is that of this report then, kept in memory.
        let conditions = verdicts.conditions(
            previous: malformedBefore(metadata.uid ?? metadata.name), generation: metadata.generation, now: wallClock.now)
        remember(malformed: metadata.uid ?? metadata.name, conditions)
        var status: JSON = ["conditions": (try? JSON(encoding: conditions)) ?? []]
        if let generation = metadata.generation { status["observedGeneration"] = .int(generation) }
        try await writer.write(status, current: nil, of: metadata, type: type)
    }
}
