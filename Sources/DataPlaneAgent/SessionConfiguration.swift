import Fleet
import HTTP
import Kube
import KubeObjects
import Support

/// What a session is about for its whole life.
package struct SessionSubject: Sendable, Hashable {
    /// The UID of the DataPlane object. A recreated object starts anew.
    package var uid: String?
    /// The endpoint, since what was seen at one says nothing about another.
    package var endpoint: String
    /// If two DataPlanes turn out to be one cluster, the older one has it.
    package var seniority: Seniority

    package init(uid: String?, endpoint: String, seniority: Seniority) {
        self.uid = uid
        self.endpoint = endpoint
        self.seniority = seniority
    }
}

/// What a session needs to know about its DataPlane. A new value replaces the old one while the session runs.
package struct SessionConfiguration: Sendable, Hashable {
    /// The server and the connection to it. Nil while the credentials can't be used.
    package var link: LinkConfiguration?
    /// The source of the link's token, if the token renews itself. It also runs without a link, since the first token
    /// may have to come from it.
    package var source: SourceReference?
    /// The `kube-system` UID in the DataPlane's status, recorded for this `endpoint`.
    package var recordedUID: String?
    /// Whether the DataPlane's status has the version of Kubernetes.
    package var hasRecordedVersion = false
    /// What to find out about Flyte there. Nil for nothing.
    package var flyte: FlyteHealthQuestion?

    package init(link: LinkConfiguration? = nil, recordedUID: String? = nil) {
        self.link = link
        self.recordedUID = recordedUID
    }
}

/// The settings of a connection. A change of any of them needs a new connection, except for the token: another token
/// uses the same connection.
package struct LinkConfiguration: Sendable, Hashable {
    package enum Server: Sendable, Hashable {
        case url(String)
        /// The operator's own control plane, with its own credentials.
        case controlPlane
    }
    package var server: Server
    package var token: Sensitive?
    /// Replaces `token` if the token renews itself.
    package var source: SourceReference?
    /// Nil for the system's roots.
    package var ca: [UInt8]?
    package var connection: Connection
    /// The login for the proxy.
    package var proxyLogin: ProxyLogin?

    package init(
        server: Server, token: Sensitive? = nil, source: SourceReference? = nil, ca: [UInt8]? = [],
        connection: Connection
    ) {
        self.server = server
        self.token = token
        self.source = source
        self.ca = ca
        self.connection = connection
    }

    /// Whether only the token differs.
    func differsOnlyInToken(from other: LinkConfiguration) -> Bool {
        guard self != other, token != nil, other.token != nil else { return false }
        var same = self
        same.token = other.token
        return same == other
    }
}

/// What a session has found out. The DataPlane's status is made from it.
package struct SessionFacts: Sendable, Hashable {
    package enum Reachability: Sendable, Hashable {
        case unknown
        case reachable
        /// `attempts` is a lower bound of the failed attempts. It changes only when their number has doubled, so that a
        /// status with it is not written for each attempt.
        case unreachable(ReachableReason, String, attempts: Int)
    }
    package var reachability = Reachability.unknown
    /// The server's own words when it refused the token.
    package var tokenRejected: String?
    /// Newer settings or credentials were tried and don't work, while those in use do.
    package var refusedCandidate: ProbeAnswer?
    package var authorization = DataPlaneObservation.Authorization.unknown
    /// The rights for which the server refused a request. Reviews say more, if we may ask for them.
    var refused: Set<Permission> = []
    /// The kinds that it serves, as far as we asked, beside those of every Kubernetes.
    package var kinds = KindTable.wellKnown
    /// The group versions that we asked for.
    package var discovered: Set<String> = []
    package var kubernetesVersion: String?
    package var clusterUID: String?
    package var identity: String?
    /// The UID that the endpoint answers with, if another one is recorded.
    package var changedUID: String?
    var isUnreachable: Bool { if case .unreachable = reachability { true } else { false } }
    /// For each kind, why our knowledge may be wrong: its list is not believed, or it can't be listed or watched.
    package var listTroubles: [String: String] = [:]
    /// The budget that it exceeds.
    package var overBudget: BudgetExcess?
}
