/// `status.rollout` of the registry.
public struct RolloutStatus: Sendable, Hashable, Codable {
    public enum Phase: String, Sendable, Hashable, Codable {
        case complete = "Complete"
        case progressing = "Progressing"
        case paused = "Paused"
    }
    /// So many of the data planes whose turn it is are named.
    static let mostNames = 16

    /// The number of the ControllerRevision that the data planes are brought to.
    public var revision: Int64
    public var phase: Phase
    /// Why it is paused: one of `StagedRollout.PauseReason`.
    public var reason: String?
    /// What failed, where it is paused for that.
    public var message: String?
    /// Of the data planes that take part.
    public var updated: Int
    public var total: Int
    /// The DataPlanes whose turn it is.
    public var current: [String]
    /// The revision that all data planes were put back to, where that counts.
    public var pinned: Int64?

    private enum CodingKeys: String, CodingKey {
        case revision, phase, reason, message, updated, total, current, pinned
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        revision = try container.decode(Int64.self, forKey: .revision)
        phase = try container.decode(Phase.self, forKey: .phase)
        reason = try container.decodeIfPresent(String.self, forKey: .reason)
        message = try container.decodeIfPresent(String.self, forKey: .message)
        updated = try container.value(.updated, default: 0)
        total = try container.value(.total, default: 0)
        current = try container.value(.current, default: [])
        pinned = try container.decodeIfPresent(Int64.self, forKey: .pinned)
    }

    public init(_ rollout: StagedRollout) {
        revision = rollout.record.pinned ?? rollout.revision
        switch rollout.phase {
        case .complete: phase = .complete
        case .progressing: phase = .progressing
        case .paused(let pause):
            phase = .paused
            reason = pause.reason.rawValue
            message = pause.message.cut(toBytes: 1024)
        }
        (updated, total) = rollout.counts
        current = rollout.record.current.keys.sorted().prefix(Self.mostNames).map(\.self)
        pinned = rollout.record.pinned
    }
}
