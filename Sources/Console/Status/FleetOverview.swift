import Fleet
import JSON
import KubeObjects
import Support

/// The fleet on one screen, worst first, as the statuses say it. A status of an older generation of its object is
/// marked, since it may be outdated.
public struct FleetOverview: Report {
    /// The state of one object.
    struct State: Sendable, Hashable {
        var name: String
        var ready: Condition.Status
        var reason: String
        var message: String
        var since: Timestamp?
        /// The status was written for an older generation of the object.
        var isStale: Bool

        init(_ object: DynamicObject) {
            name = object.metadata.name
            let condition = object.conditions[.ready]
            ready = condition?.status ?? .unknown
            reason = condition?.reason ?? "NoStatus"
            message = condition?.message ?? "no operator has written its status yet"
            since = condition?.lastTransitionTime
            let observed = condition?.observedGeneration ?? object.status("observedGeneration")?.int
            isStale = condition != nil && (observed ?? 0) < (object.metadata.generation ?? 0)
        }

        var isReady: Bool { ready == .isTrue && !isStale }
    }

    /// The credential of a data plane that expires next.
    struct Expiry: Sendable, Hashable {
        enum What: String, Sendable { case token, ca }
        var what: What
        var time: Timestamp
        /// The operator renews it by itself.
        var isRenewed: Bool
        var isNear: Bool
    }

    struct DataPlaneRow: Sendable, Hashable {
        /// Worst first.
        enum Standing: Int, Sendable { case failing, unknown, stale, withoutFlyte, expiring, ready, disabled }
        var state: State
        var standing: Standing
        var cluster: String
        var isEnabled: Bool
        var isUnschedulable: Bool
        var mode: String?
        var namespaces: NamespaceCounts?
        var expiry: Expiry?
        var version: String?
        /// Whether a workflow would run there. Nil if the registry does not ask for it.
        var flyteReady: Condition?
    }

    struct Group: Sendable, Hashable {
        /// "labels". For the JSON "executionLabels".
        var title: String
        var key: String
        var total: Int
        var notReady: [State]
        /// The name that people know, by object name: `label1`, `project1/development`.
        var subjects: [String: String]
    }

    struct Leader: Sendable, Hashable {
        var holder: String
        var renewed: Timestamp?
        /// Nobody has renewed the Lease in time: the statuses may be outdated.
        var isAway: Bool
    }

    let now: Instant
    let registry: State?
    /// Conditions of the registry that are False, except `Ready`, and parts that are not configured.
    let registryTroubles: [Condition]
    /// The mode of data planes without a mode of their own.
    let mode: Mode
    let leader: Leader?
    let dataPlanes: [DataPlaneRow]
    let groups: [Group]

    public var outcome: Outcome { .done }

    public init(_ objects: ControlPlaneObjects, now: Instant) {
        self.now = now
        registry = objects.registry.map(State.init)
        registryTroubles = (objects.registry?.conditions ?? []).filter {
            $0.status == .isFalse && $0.type != ConditionType.ready.rawValue && $0.reason != Reason.notConfigured
                && $0.type != "Reconciling" && $0.type != "Stalled"
        }
        mode = objects.mode
        leader = objects.lease.flatMap { Leader($0, now: now) }
        dataPlanes = objects[.dataPlanes].map { DataPlaneRow($0, now: now) }.sorted(by: <)
        groups = [
            Group("labels", .executionLabels, objects) { $0.spec("label")?.string ?? $0.metadata.name },
            Group("assignments", .executionClusterLabels, objects) { object in
                let parts = ["project", "domain", "workflow"].compactMap { object.spec($0)?.string }
                return parts.joined(separator: "/")
            },
            Group("projects", .flyteProjects, objects) { $0.spec("project")?.string ?? $0.metadata.name },
        ]
    }

    var namespaces: NamespaceCounts { dataPlanes.reduce(.zero) { $0 + ($1.namespaces ?? .zero) } }

    /// The first to expire of the credentials that the operator does not renew.
    var nextExpiry: (name: String, expiry: Expiry)? {
        dataPlanes.compactMap { row in row.expiry.map { (row.state.name, $0) } }
            .filter { !$0.1.isRenewed }.min { $0.1.time < $1.1.time }
    }
}

extension FleetOverview.DataPlaneRow: Comparable {
    init(_ object: DynamicObject, now: Instant) {
        state = .init(object)
        cluster = object.spec("clusterName")?.string ?? object.metadata.name
        isEnabled = object.spec("enabled")?.bool ?? true
        isUnschedulable = object.spec("unschedulable")?.bool ?? false
        mode = object.spec("mode")?.string
        namespaces = object.status("namespaces").flatMap { counts in
            guard let desired = counts["desired"]?.int, let synced = counts["synced"]?.int else { return nil }
            let failed = counts["failed"]?.int ?? 0
            return NamespaceCounts(
                desired: Int(clamping: desired), synced: Int(clamping: synced), failed: Int(clamping: failed))
        }
        version = object.status("kubernetesVersion")?.string
        expiry = FleetOverview.Expiry(object, now: now)
        flyteReady = isEnabled ? object.conditions[.flyteReady] : nil
        standing =
            if !isEnabled {
                .disabled
            } else if state.isStale {
                .stale
            } else {
                switch state.ready {
                case .isFalse where flyteReady?.status == .isFalse && flyteReady?.reason == state.reason: .withoutFlyte
                case .isFalse: .failing
                case .unknown: .unknown
                case .isTrue: expiry?.isNear == true ? .expiring : .ready
                }
            }
    }

    static func < (left: Self, right: Self) -> Bool {
        if left.standing != right.standing { return left.standing.rawValue < right.standing.rawValue }
        if left.standing == .expiring, let first = left.expiry, let second = right.expiry, first.time != second.time {
            return first.time < second.time
        }
        return left.state.name < right.state.name
    }
}

extension FleetOverview.Expiry {
    /// Warnings come at most this long before the end, and only in the last tenth of a credential's life if that is
    /// known.
    static let warning: Double = 14 * 86_400

    /// Token and CA, if the status says when they expire.
    static func all(of object: DynamicObject, now: Instant) -> [Self] {
        let token = object.time("tokenExpirationTime")
        let isRenewed = object.time("tokenRenewalTime") != nil
        return [
            token.map { Self(.token, $0, isRenewed: isRenewed, inUseSince: object.inUseSince, now: now) },
            object.time("caExpirationTime").map { Self(.ca, $0, isRenewed: false, inUseSince: nil, now: now) },
        ].compactMap { $0 }
    }

    init?(_ object: DynamicObject, now: Instant) {
        let candidates = Self.all(of: object, now: now)
        // A credential that is renewed is reported only if nothing else expires.
        guard let next = candidates.min(by: { ($0.isRenewed ? 1 : 0, $0.time) < ($1.isRenewed ? 1 : 0, $1.time) })
        else { return nil }
        self = next
    }

    private init(_ what: What, _ time: Timestamp, isRenewed: Bool, inUseSince: Timestamp?, now: Instant) {
        (self.what, self.time, self.isRenewed) = (what, time, isRenewed)
        let tenth = inUseSince.map { (time.instant - $0.instant) / 10 } ?? Self.warning
        isNear = !isRenewed && time.instant - now < min(Self.warning, tenth)
    }
}

extension DynamicObject {
    fileprivate var inUseSince: Timestamp? { status("credential", "inUseSince")?.string.flatMap { Timestamp($0) } }
}

extension FleetOverview.Group {
    init(
        _ title: String, _ type: ResourceType, _ objects: ControlPlaneObjects, _ subject: (DynamicObject) -> String
    ) {
        self.title = title
        key = type.kind.prefix(1).lowercased() + type.kind.dropFirst() + "s"
        total = objects[type].count
        let all = objects[type].map { (FleetOverview.State($0), subject($0)) }
        subjects = Dictionary(all.map { ($0.0.name, $0.1) }) { first, _ in first }
        notReady = all.map(\.0).filter { !$0.isReady }.sorted(by: FleetOverview.isWorse)
    }
    var ready: Int { total - notReady.count }
}

extension FleetOverview {
    /// False conditions before unknown ones, the longest first.
    fileprivate static func isWorse(_ left: State, _ right: State) -> Bool {
        func rank(_ state: State) -> Int { state.isStale ? 2 : state.ready == .isFalse ? 0 : 1 }
        if rank(left) != rank(right) { return rank(left) < rank(right) }
        if let first = left.since, let second = right.since, first != second { return first < second }
        return left.name < right.name
    }
}

extension FleetOverview.Leader {
    init?(_ lease: Lease, now: Instant) {
        guard let spec = lease.spec else { return nil }
        holder = spec.holderIdentity ?? ""
        renewed = spec.renewTime.map { Timestamp($0.instant) }
        let patience = Double(max(spec.leaseDurationSeconds ?? 15, 1)) * 2
        isAway = holder.isEmpty || (spec.renewTime.map { now - $0.instant > patience } ?? true)
    }
}
