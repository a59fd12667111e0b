import KubeObjects

/// What is known of Flyte itself in a data plane. `FlyteReady` follows from this.
public struct FlyteHealth: Sendable, Hashable {
    public enum Propeller: Sendable, Hashable {
        case unknown
        case absent
        case unavailable(String)
        case available
        /// The text says why it can't be read.
        case unreadable(String)
    }
    public enum Workflows: Sendable, Hashable { case unknown, missing, served }
    /// The rights of flyteadmin's own token.
    public enum Account: Sendable, Hashable {
        case unknown
        /// The text says where: "everywhere" or "in project1-development".
        case granted(String)
        /// No token may be sent, or the data plane answered it with 401.
        case rejected(String)
        case forbidden(String)
        /// The server accepted the token but does not tell its rights.
        case unsaid(String)
        /// flyteadmin uses its own account in the cluster where it runs. Squadron does not have that token.
        case notOurs
        /// flyteadmin's endpoint for the data plane does not answer.
        case unreachable(ReachableReason, String)
    }
    public var propeller = Propeller.unknown
    public var workflows = Workflows.unknown
    public var account = Account.unknown

    /// The custom resource of an execution.
    public static let workflowGroup = "flyte.lyft.com"
    public static let workflowVersion = "v1alpha1"
    public static let workflowResource = "flyteworkflows"

    public init() {}

    /// Whether a part of it has not been looked at yet.
    public var isSettling: Bool { propeller == .unknown || workflows == .unknown || account == .unknown }
    /// Whether everything is as it should be.
    public var isGood: Bool { finding(of: FlyteHealthSettings()).status == .isTrue }

    func finding(of settings: FlyteHealthSettings) -> ConditionFinding {
        let parts = [propellerFinding(settings), workflowsFinding, accountFinding]
        if let hindrance = parts.first(where: { $0.status == .isFalse }) { return hindrance }
        if let unknown = parts.first(where: { $0.status == .unknown }) { return unknown }
        return .yes(.flyteReady, Reason.flyteReady, parts.map(\.message).joined(separator: "; "))
    }

    private func propellerFinding(_ settings: FlyteHealthSettings) -> ConditionFinding {
        let name = "Deployment \(settings.namespace)/\(settings.deployment)"
        switch propeller {
        case .unknown: return .unknown(.flyteReady, Reason.pending, "\(name) has not been read yet")
        case .absent: return .no(.flyteReady, Reason.propellerNotFound, "\(name) does not exist in the data plane")
        case .unavailable(let why): return .no(.flyteReady, Reason.propellerUnavailable, "\(name): \(why)")
        case .available: return .yes(.flyteReady, Reason.flyteReady, "\(name) is available")
        case .unreadable(let why):
            return .unknown(
                .flyteReady, Reason.permissionsMissing,
                "\(name) can't be read: \(why); manifests/components/flyte-health grants it")
        }
    }

    private var workflowsFinding: ConditionFinding {
        let name = "\(Self.workflowResource).\(Self.workflowGroup)"
        switch workflows {
        case .unknown: return .unknown(.flyteReady, Reason.pending, "not known yet: whether \(name) is served")
        case .missing: return .no(.flyteReady, Reason.flyteCRDMissing, "the data plane does not serve \(name)")
        case .served: return .yes(.flyteReady, Reason.flyteReady, "\(name) is served")
        }
    }

    private var accountFinding: ConditionFinding {
        let what = "flyteadmin's token may create \(Self.workflowResource)"
        switch account {
        case .unknown: return .unknown(.flyteReady, Reason.pending, "not asked yet: whether \(what)")
        case .granted(let place): return .yes(.flyteReady, Reason.flyteReady, "\(what) \(place)")
        case .notOurs:
            return .yes(
                .flyteReady, Reason.flyteReady, "flyteadmin uses its own account in this cluster, which is not asked")
        case .rejected(let why): return .no(.flyteReady, Reason.flyteAdminTokenRejected, "flyteadmin's token: \(why)")
        case .forbidden(let why): return .no(.flyteReady, Reason.flyteAdminForbidden, "flyteadmin's token: \(why)")
        case .unsaid(let why):
            return .unknown(.flyteReady, Reason.pending, "flyteadmin's token may not ask for its permissions: \(why)")
        case .unreachable(let reason, let why):
            return .unknown(.flyteReady, reason.rawValue, "the way that flyteadmin takes does not work: \(why)")
        }
    }
}

extension FlyteHealth.Propeller {
    /// - Parameter deployment: nil if there is none with that name.
    public init(_ deployment: Deployment?) {
        guard let deployment else {
            self = .absent
            return
        }
        let condition = deployment.status.conditions.first { $0.type == "Available" }
        if deployment.replicas <= 0 {
            // Kubernetes calls it available all the same.
            self = .unavailable("is scaled to 0")
        } else if condition?.status == .isTrue, deployment.status.availableReplicas > 0 {
            self = .available
        } else {
            let count = "\(deployment.status.availableReplicas) of \(deployment.replicas) replicas are available"
            let words = condition.flatMap { $0.status == .isFalse ? $0.message.shown(bytes: 256) : nil } ?? ""
            self = .unavailable(words.isEmpty ? count : "\(count): \(words)")
        }
    }
}
