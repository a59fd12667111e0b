import KubeObjects
import Support

/// The present finding for one condition. With the earlier conditions it becomes a `Condition`.
public struct ConditionFinding: Sendable, Hashable {
    public var type: ConditionType
    public var status: Condition.Status
    public var reason: String
    public var message: String
    /// Only a person can help, although the reason alone does not say so.
    public var waitsForPerson = false

    public init(_ type: ConditionType, _ status: Condition.Status, _ reason: String, _ message: String) {
        self.type = type
        self.status = status
        self.reason = reason
        self.message = message
    }
    static func yes(_ type: ConditionType, _ reason: String, _ message: String) -> ConditionFinding {
        ConditionFinding(type, .isTrue, reason, message)
    }
    static func no(_ type: ConditionType, _ reason: String, _ message: String) -> ConditionFinding {
        ConditionFinding(type, .isFalse, reason, message)
    }
    static func unknown(_ type: ConditionType, _ reason: String, _ message: String) -> ConditionFinding {
        ConditionFinding(type, .unknown, reason, message)
    }

    /// False for now.
    static func pending(_ type: ConditionType, _ score: String, _ awaited: Awaited?) -> ConditionFinding {
        var finding = no(type, Reason.pending, score + (awaited.map { "; waits for \($0.text)" } ?? ""))
        finding.waitsForPerson = awaited?.needsPerson ?? false
        return finding
    }

    /// The same finding as a condition of another type.
    func `as`(_ type: ConditionType) -> ConditionFinding {
        var finding = self
        finding.type = type
        return finding
    }

    /// `Ready` from the conditions behind it, in order: the first False one, else the first Unknown one, else True.
    static func ready(_ parts: [ConditionFinding], _ message: String) -> ConditionFinding {
        (parts.first { $0.status == .isFalse } ?? parts.first { $0.status == .unknown })?.as(.ready)
            ?? .yes(.ready, Reason.ready, message)
    }
}

extension [ConditionFinding] {
    /// The conditions to store, with `Reconciling` or `Stalled`. `lastTransitionTime` stays if the status stays.
    /// `observedGeneration` becomes `generation`. Conditions of other types in `previous` are dropped, since the
    /// findings list every type of their kind.
    public func conditions(previous: [Condition], generation: Int64?, now: Instant) -> [Condition] {
        withProgress().map { finding in
            let before = previous.first { $0.type == finding.type.rawValue }
            return Condition(
                type: finding.type.rawValue, status: finding.status, reason: finding.reason,
                message: finding.message.cut(toBytes: Condition.messageLimit), observedGeneration: generation,
                lastTransitionTime: before.flatMap { $0.status == finding.status ? $0.lastTransitionTime : nil }
                    ?? Timestamp(now))
        }
    }
}

extension CustomResourceStatus {
    /// A status with these findings for an object, given its present status.
    init<Spec: CustomResourceSpec>(
        _ findings: [ConditionFinding], of object: CustomResource<Spec>, now: Instant
    ) where Spec.Status == Self {
        self.init()
        observedGeneration = object.metadata.generation
        conditions = findings.conditions(
            previous: object.status?.conditions ?? [], generation: observedGeneration, now: now)
    }
}

extension [Condition] {
    public subscript(type: ConditionType) -> Condition? { first { $0.type == type.rawValue } }
    public func isTrue(_ type: ConditionType) -> Bool { self[type]?.status == .isTrue }
}

extension Condition {
    /// `metav1.Condition` allows 32768. Nobody reads that much, so it is cut far earlier.
    static let messageLimit = 2048
}

extension Sequence<String> {
    /// For example "a, b, c, d, e and 4 more".
    package func listed(limit: Int = 5) -> String {
        let all = Array(self)
        let rest = all.count - limit
        return all.prefix(limit).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }
}
