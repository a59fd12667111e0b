import Fleet
import HTTP
import Kube
import KubeObjects
import Support

/// What a session is about for its whole life.
struct SessionSubject: Sendable, Hashable {
    /// The UID of the DataPlane object. A recreated object starts anew.
    var uid: String?
    /// The endpoint, since what was seen at one says nothing about another.
    var endpoint: String
    /// If two DataPlanes turn out to be one cluster, the older one has it.
    var seniority: Seniority

    init(_ object: DataPlane) {
        uid = object.metadata.uid
        endpoint = object.endpointDescription
        seniority = Seniority(object.metadata)
    }
}

/// What a session needs to know about its DataPlane. A new value replaces the old one while the session runs.
struct SessionConfiguration: Sendable, Hashable {
    /// The server and the connection to it. Nil while the credentials can't be used.
    var link: LinkConfiguration?
    /// The source of the link's token, if the token renews itself. It also runs without a link, since the first token
    /// may have to come from it.
    var source: SourceReference?
    /// The `kube-system` UID in the DataPlane's status, recorded for this `endpoint`.
    var recordedUID: String?
    /// Whether the DataPlane's status has the version of Kubernetes.
    var hasRecordedVersion = false
    /// What to find out about Flyte there. Nil for nothing.
    var flyte: FlyteHealthQuestion?
}

/// The settings of a connection. A change of any of them needs a new connection, except for the token: another token
/// uses the same connection.
struct LinkConfiguration: Sendable, Hashable {
    enum Server: Sendable, Hashable {
        case url(String)
        /// The operator's own control plane, with its own credentials.
        case controlPlane
    }
    var server: Server
    var token: Sensitive?
    /// Replaces `token` if the token renews itself.
    var source: SourceReference?
    /// Nil for the system's roots.
    var ca: [UInt8]? = []
    var connection: Connection
    /// The login for the proxy.
    var proxyLogin: ProxyLogin?

    /// Whether only the token differs.
    func differsOnlyInToken(from other: LinkConfiguration) -> Bool {
        guard self != other, token != nil, other.token != nil else { return false }
        var same = self
        same.token = other.token
        return same == other
    }
}

/// What a session has found out. The DataPlane's status is made from it.
struct SessionFacts: Sendable, Hashable {
    enum Reachability: Sendable, Hashable {
        case unknown
        case reachable
        /// `attempts` is a lower bound of the failed attempts. It changes only when their number has doubled, so that a
        /// status with it is not written for each attempt.
        case unreachable(ReachableReason, String, attempts: Int)
    }
    var reachability = Reachability.unknown
    /// The server's own words when it refused the token.
    var tokenRejected: String?
    /// Newer settings or credentials were tried and don't work, while those in use do.
    var refusedCandidate: ProbeAnswer?
    var authorization = DataPlaneObservation.Authorization.unknown
    /// The rights for which the server refused a request. Reviews say more, if we may ask for them.
    var refused: Set<Permission> = []
    /// The kinds that it serves, as far as we asked, beside those of every Kubernetes.
    var kinds = KindTable.wellKnown
    /// The group versions that we asked for.
    var discovered: Set<String> = []
    var kubernetesVersion: String?
    var clusterUID: String?
    var identity: String?
    /// The UID that the endpoint answers with, if another one is recorded.
    var changedUID: String?
    var isUnreachable: Bool { if case .unreachable = reachability { true } else { false } }
    /// For each kind, why our knowledge may be wrong: its list is not believed, or it can't be listed or watched.
    var listTroubles: [String: String] = [:]
    /// The budget that it exceeds.
    var overBudget: BudgetExcess?
}
