import ControlLoop
import Kube
import KubeObjects
import Logging

/// Finds out the UID of the operator's own Namespace, which marks what this registry has made.
struct NamespaceIdentity: Sendable {
    let client: KubeClient
    let namespace: String
    let logger: Logger
    var timeline = Timeline.continuous

    /// Nil if we may not read it.
    func find() async -> String? {
        var delay = Delay.nextQuestionForIdentity.first
        while !Task.isCancelled {
            do throws(KubeError) {
                return try await client.get(Namespace.self, name: namespace).metadata.uid
            } catch {
                guard !error.isForbidden, !error.isNotFound else {
                    logger.warning("nothing is written before it is known which registry this is: \(error)")
                    return nil
                }
                logger.warning("\(error)")
                await timeline.sleep(until: timeline.now + delay)
                delay = min(delay * 2, Delay.nextQuestionForIdentity.longest)
            }
        }
        return nil
    }

    /// Asks until the right to read it is given. Nil: the task was cancelled.
    func search() async -> String? {
        while !Task.isCancelled {
            await timeline.sleep(until: timeline.now + Delay.nextQuestionForIdentity.longest)
            if let uid = await find() { return uid }
        }
        return nil
    }
}
