import Fleet
import JSON
import KubeObjects

/// What a data plane's status says about one namespace. A status lists failures and counts, not namespaces. What does
/// not follow from them is unknown.
enum Presence: Sendable, Hashable {
    struct Failure: Sendable, Hashable {
        var object: String
        var reason: String
        var message: String
        var since: Timestamp?
        var attempts: Int64
    }
    case inSync
    case failing([Failure])
    case unknown(reason: String, message: String)
    /// The data plane is disabled: nothing is done there.
    case leftAlone(String)
    /// With `syncScope: Labelled`, no label of the project-domain reaches the cluster.
    case notReached

    /// - Parameter isSeen: whether the operator has processed the present generation of what wants the namespace.
    /// - Parameter isInSync: whether an object that wants it says that it is in sync everywhere.
    init(of namespace: String, in dataPlane: DynamicObject, isSeen: Bool, isInSync: Bool) {
        guard dataPlane.spec("enabled")?.bool ?? true else {
            self = .leftAlone("spec.enabled is false")
            return
        }
        let all = dataPlane.status("failures")?.array ?? []
        let own = all.filter { $0["namespace"]?.string == namespace }.map(Failure.init)
        if !own.isEmpty {
            self = .failing(own)
            return
        }
        guard let synced = dataPlane.conditions[.synced] else {
            self = .unknown(reason: "NoStatus", message: "no operator has written its status yet")
            return
        }
        let isStale = (synced.observedGeneration ?? 0) < (dataPlane.metadata.generation ?? 0)
        if isStale || !isSeen {
            let what = isStale ? "the DataPlane" : "what wants the namespace"
            self = .unknown(reason: "Pending", message: "the operator has not looked at \(what) as it is now")
            return
        }
        switch synced.status {
        case .isTrue: self = .inSync
        case .unknown: self = .unknown(reason: synced.reason, message: synced.message)
        case .isFalse:
            let othersFail = Self.failuresAreAll(dataPlane, all)
            self = isInSync || othersFail ? .inSync : .unknown(reason: synced.reason, message: synced.message)
        }
    }

    /// Whether the failures in the status explain every namespace that is not in sync.
    private static func failuresAreAll(_ dataPlane: DynamicObject, _ failures: [JSON]) -> Bool {
        guard let desired = dataPlane.status("namespaces", "desired")?.int,
            let synced = dataPlane.status("namespaces", "synced")?.int
        else { return false }
        let total = dataPlane.status("failuresTotal")?.int ?? Int64(failures.count)
        let named = Set(failures.compactMap { $0["namespace"]?.string })
        guard total == Int64(failures.count),
            failures.count < FailureEntry.limit || dataPlane.status("failuresTotal") != nil
        else { return false }
        let (missing, overflow) = desired.subtractingReportingOverflow(synced)
        return !named.isEmpty && !overflow && missing == Int64(named.count)
    }
}

extension Presence.Failure {
    init(_ json: JSON) {
        object = json["object"]?.string ?? ""
        reason = json["reason"]?.string ?? ""
        message = json["message"]?.string ?? ""
        since = json["since"]?.string.flatMap { Timestamp($0) }
        attempts = json["attempts"]?.int ?? 0
    }
}
