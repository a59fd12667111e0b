/// `metav1.Condition` (Kubernetes, "API conventions"). Its limits (a message of 32,768 characters, for example) are not checked
/// here.
public struct Condition: Sendable, Hashable, Codable {
    public enum Status: String, Sendable, Hashable, Codable {
        case isTrue = "True", isFalse = "False", unknown = "Unknown"
    }
    public var type: String
    public var status: Status
    public var reason: String
    public var message: String
    public var observedGeneration: Int64?
    public var lastTransitionTime: Timestamp

    public init(
        type: String, status: Status, reason: String, message: String, observedGeneration: Int64?,
        lastTransitionTime: Timestamp
    ) {
        self.type = type
        self.status = status
        self.reason = reason
        self.message = message
        self.observedGeneration = observedGeneration
        self.lastTransitionTime = lastTransitionTime
    }
}
