import Fleet
import HTTP
import Kube
import KubeObjects
import Support

/// What a session is about, for the whole of its life.
struct SessionSubject: Sendable, Hashable {
    /// Of the DataPlane object: one that was deleted and made anew starts anew.
    var uid: String?
    /// Of the server: what was seen at one endpoint says nothing of another.
    var endpoint: String
    /// Of two that turn out to be one cluster, the older DataPlane's has it.
    var seniority: Seniority

    init(_ object: DataPlane) {
        uid = object.metadata.uid
        endpoint = object.endpointDescription
        seniority = Seniority(object.metadata)
    }
}

/// What a session needs to know of its DataPlane. A new value replaces the old one while the session runs.
struct SessionConfiguration: Sendable, Hashable {
    /// The server and how it is talked to; nil while the credentials can't be used.
    var link: LinkConfiguration?
    /// What gives the link's token, where it renews itself. It runs before there is a link, too: the first token may have to
    /// come from elsewhere.
    var source: SourceReference?
    /// The `kube-system` UID that was recorded for `endpoint`, from the DataPlane's status.
    var recordedUID: String?
    /// Whether the DataPlane's status says which version of Kubernetes it is.
    var hasRecordedVersion = false
    /// What to find out about Flyte there; nil: nothing.
    var flyte: FlyteHealthQuestion?
}

/// Everything that makes a connection what it is: where one of these changes, the data plane is connected anew. The token
/// alone is an exception: another one goes over the same connection.
struct LinkConfiguration: Sendable, Hashable {
    enum Server: Sendable, Hashable {
        case url(String)
        /// The operator's own control plane, with its own credentials.
        case controlPlane
    }
    var server: Server
    var token: Sensitive?
    /// Instead of `token`, where it renews itself.
    var source: SourceReference?
    /// Nil: the system's roots.
    var ca: [UInt8]? = []
    var connection: Connection
    /// What the proxy asks for.
    var proxyLogin: ProxyLogin?

    /// Whether only the token is another.
    func differsOnlyInToken(from other: LinkConfiguration) -> Bool {
        guard self != other, token != nil, other.token != nil else { return false }
        var same = self
        same.token = other.token
        return same == other
    }
}

/// What a session has found out; what the DataPlane's status is made of.
struct SessionFacts: Sendable, Hashable {
    enum Reachability: Sendable, Hashable {
        case unknown
        case reachable
        /// `attempts`: so many at least. It moves when their number has doubled, so that a status that shows it is not
        /// written with each of them.
        case unreachable(ReachableReason, String, attempts: Int)
    }
    var reachability = Reachability.unknown
    /// The server's own words, where it refused the token.
    var tokenRejected: String?
    /// Newer settings or credentials than those in use were tried and don't work, which those in use do.
    var refusedCandidate: ProbeAnswer?
    var authorization = DataPlaneObservation.Authorization.unknown
    /// What requests were refused, where the server says that the account may not. Reviews say more, if they may be asked.
    var refused: Set<Permission> = []
    /// What it serves, as far as it was asked, beside what every Kubernetes has.
    var kinds = KindTable.wellKnown
    /// The group versions that it was asked for.
    var discovered: Set<String> = []
    var kubernetesVersion: String?
    var clusterUID: String?
    var identity: String?
    /// The UID that the endpoint answers with, where another one is recorded.
    var changedUID: String?
    var isUnreachable: Bool { if case .unreachable = reachability { true } else { false } }
    /// By kind, why what is known of it may be wrong: its list is not believed, or it can't be listed or watched.
    var listTroubles: [String: String] = [:]
    /// What it is over its budget with.
    var overBudget: BudgetExcess?
}
