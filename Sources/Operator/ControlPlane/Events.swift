import ControlLoop
import KubeObjects

/// Publishes events for users. Best effort.
protocol EventPublisher: Sendable {
    func publish(
        regarding: ObjectMeta, type: ResourceType, isWarning: Bool, reason: String, action: String, note: String)
}

extension EventRecorder: EventPublisher {
    func publish(
        regarding: ObjectMeta, type: ResourceType, isWarning: Bool, reason: String, action: String, note: String
    ) {
        record(
            isWarning ? .warning : .normal, EventSubject(type, regarding), reason: reason, action: action, note: note)
    }
}
