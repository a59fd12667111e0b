/// `status.rollout` of the registry.
public struct RolloutStatus: Sendable, Hashable, Codable {
    public enum Phase: String, Sendable, Hashable, Codable {
        case complete = "Complete"
        case progressing = "Progressing"
        case paused = "Paused"
    }
    /// The most data planes with a turn that are named.
    static let mostNames = 16

    /// The number of the ControllerRevision that the data planes get.
    public var revision: Int64
    public var phase: Phase
    /// Why it is paused: one of `StagedRollout.PauseReason`.
    public var reason: String?
    /// What failed, if that is why it is paused.
    public var message: String?
    /// The numbers of participating data planes.
    public var updated: Int
    public var total: Int
    /// The DataPlanes that have their turn now.
    public var current: [String]
    /// The revision to which all data planes were returned, if that is in force.
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
