import ControlLoop
import DataPlaneAgent
import Fleet
import KubeObjects

/// The conditions of one object, for `squadron_condition`.
struct ConditionSeries: Sendable, Hashable {
    var name: String
    /// By type.
    var statuses: [String: Condition.Status]

    var isReady: Bool { statuses[ConditionType.ready.rawValue] == .isTrue }

    /// The conditions that an object of a kind always has. They are Unknown until the object has them.
    static let types: [String: [String]] = [
        "DataPlane": ["CredentialsValid", "Reachable", "Authorized", "Available", "Synced", "Ready"],
        "ExecutionLabel": ["Ready"],
        "ExecutionClusterLabel": ["LabelResolved", "NamespaceSynced", "Published", "Ready"],
        "FlyteProject": ["NamespaceSynced", "Ready"],
        "ClusterRegistry": ["TemplatesValid", "Published", "RolledOut", "Ready"],
    ].mapValues { $0.filter { ConditionType(rawValue: $0) != nil } }
    /// Conditions that are in a status only while they are True.
    static let onlyWhileTrue = ["Reconciling", "Stalled"].filter { ConditionType(rawValue: $0) != nil }

    /// - Parameters:
    ///   - conditions: nil for an object that can't be read. It counts as not Ready.
    ///   - types: the conditions that the object always has. Nil for those of its kind.
    init(kind: String, name: String, _ conditions: [Condition]?, types: [String]? = nil) {
        self.name = name
        statuses = (types ?? Self.types[kind] ?? []).reduce(into: [:]) { $0[$1] = .unknown }
        for type in Self.onlyWhileTrue { statuses[type] = .isFalse }
        for condition in (conditions ?? []).prefix(16) { statuses[condition.type] = condition.status }
        if conditions == nil { statuses[ConditionType.ready.rawValue] = .isFalse }
    }
}

/// The conditions of all objects of one kind, within a limit.
struct KindConditions: Sendable, Hashable {
    var kind: String
    /// In the order of their names.
    var objects: [ConditionSeries]
    var leftOut: Int

    /// Bounds the page: a kind has at most `limit` × conditions × 3 series. Objects that are not Ready stay in first.
    init(_ kind: String, _ all: [ConditionSeries], limit: Int = 1000) {
        self.kind = kind
        leftOut = max(0, all.count - limit)
        var kept = all
        if leftOut > 0 {
            kept.sort { ($0.isReady ? 1 : 0, $0.name) < ($1.isReady ? 1 : 0, $1.name) }
            kept = Array(kept.prefix(limit))
        }
        objects = kept.sorted { $0.name < $1.name }
    }
}

extension Informers {
    /// - Parameter progress: of a data plane that has an agent.
    func metricsOfDataPlanes(progress: (String) -> ProgressReport?) -> [MetricsInput.DataPlane] {
        let objects = (dataPlanes.snapshot ?? [:]).map { (name: $0.key.name, status: $0.value.object?.status) }
        return objects.sorted { $0.name < $1.name }.map { name, status in
            var result = MetricsInput.DataPlane(name: name)
            let progress = progress(name)
            result.namespaces = progress?.counts ?? .zero
            result.lastSync = progress?.lastComplete?.secondsSince1970
            result.expirations[.token] = status?.tokenExpirationTime?.instant.secondsSince1970
            result.expirations[.caCert] = status?.caExpirationTime?.instant.secondsSince1970
            return result
        }
    }

    var conditions: [KindConditions] {
        [
            conditions(dataPlanes), conditions(executionLabels), conditions(assignments), conditions(projects),
            conditions(registries),
        ]
    }

    private func conditions<Spec>(_ store: Store<Decoded<CustomResource<Spec>>>) -> KindConditions {
        let kind = Spec.resourceType.kind
        let all = (store.snapshot ?? [:]).map { key, decoded in
            let assignment = decoded.object?.spec as? ExecutionClusterLabelSpec
            return ConditionSeries(
                kind: kind, name: key.name, decoded.object.map { $0.status?.conditions ?? [] },
                types: assignment.map { ConditionType.ofAssignment($0).map(\.rawValue) })
        }
        return KindConditions(kind, all)
    }
}
