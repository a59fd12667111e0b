import KubeObjects
import Support

/// `spec.mode` of a DataPlane and of the ClusterRegistry.
public enum Mode: String, Sendable, Hashable, Codable, CaseIterable {
    case enforce = "Enforce"
    /// It is connected, probed, watched and compared, but nothing is written.
    case observe = "Observe"

    /// The fleet's mode without a registry: the one that was in force before, as the operator wrote it into the statuses
    /// of data planes without a mode of their own. So the deletion of the registry starts no writes.
    public static func recorded(in dataPlanes: some Sequence<(spec: Mode?, status: Mode?)>) -> Mode {
        dataPlanes.contains { $0.spec == nil && $0.status == .observe } ? .observe : .enforce
    }
}

/// What would be written to one object of a data plane in Observe.
public struct PlannedChange: Sendable, Hashable, Codable, Comparable {
    public enum Action: String, Sendable, Hashable, Codable, CaseIterable {
        case create, change, delete, conflict
        fileprivate var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }
    public var namespace: String
    /// For example `serviceaccounts/default`.
    public var object: String
    public var action: Action
    /// Full paths, for example `.metadata.labels.x`. Empty for objects that are created or deleted.
    public var fields: [String]

    public init(namespace: String, object: String, action: Action, fields: [String] = []) {
        // A data plane may use any names for its objects and fields.
        self.namespace = namespace.shown(bytes: 253)
        self.object = object.shown(bytes: 512)
        self.action = action
        self.fields = fields.prefix(Comparison.mostFields).map { $0.shown(bytes: 512) }
    }

    /// In the order in which people should look: conflicts first, then deletions.
    public static func < (left: PlannedChange, right: PlannedChange) -> Bool {
        (-left.action.rank, left.namespace, left.object) < (-right.action.rank, right.namespace, right.object)
    }
}

/// `status.plan` of a DataPlane.
public struct PlannedChanges: Sendable, Hashable, Codable {
    /// The most examples that are shown.
    public static let mostExamples = 16

    public var create = 0
    public var change = 0
    public var delete = 0
    public var conflict = 0
    public var examples: [PlannedChange] = []

    public init() {}

    public init(_ changes: some Sequence<PlannedChange>) {
        var chosen: [PlannedChange] = []
        for planned in changes {
            switch planned.action {
            case .create: create += 1
            case .change: change += 1
            case .delete: delete += 1
            case .conflict: conflict += 1
            }
            chosen.append(planned)
            // Shortened on the way, since there may be thousands.
            if chosen.count >= 16 * Self.mostExamples { chosen = Array(chosen.sorted().prefix(Self.mostExamples)) }
        }
        examples = Array(chosen.sorted().prefix(Self.mostExamples))
    }

    /// "2 would be created, 1 changed, 0 deleted, 0 in conflict".
    public var summary: String {
        "\(create) objects would be created, \(change) changed, \(delete) deleted; \(conflict) in conflict"
    }
}
