/// A fault of a request that has reached the server. (Faults before that are `LinkConditions`,
/// `DevCluster.Availability` and `CertificateFault`.)
public enum Fault: Sendable, Hashable {
    // MARK: before the request is processed
    /// Waits, then goes on as usual. It may be combined with any other fault.
    case latency(Duration, jitter: Duration = .zero)
    /// The request is read and never answered.
    case blackHole
    /// Answers with this status (401, 403, 410, 429, 500, 503, 504, …) without looking at the request.
    case status(Int, retryAfter: Int? = nil)
    /// Answers with this status (302, 307, 308) and a `Location`, which is that server with the path of the request.
    case redirect(Int, to: String)
    /// Resets the connection instead of answering; nothing was processed.
    case resetBeforeProcessing
    /// Answers with a `Status` of this reason and message, as a server does because of a webhook, a policy or broken data.
    case refusal(Int, reason: String, message: String)
    /// `/readyz`, `/livez` and `/healthz` answer 500 and list their checks, of which these have failed. A server that is
    /// told to end fails `shutdown` alone, and serves on. Other requests are answered as usual.
    case failedChecks([String])
    /// A mutating policy: it takes this annotation out of an apply patch before the patch is processed.
    case stripAnnotation(String)

    // MARK: after it was processed
    /// The change is made, and the connection is reset in place of an answer.
    case loseResponse
    /// Resets the connection after half of the body (of a watch: half of the next event).
    case resetInBody
    /// Ends the response in good order after half of the body (of a watch: half a line).
    case truncateBody
    /// The body comes in small pieces.
    case slowDrip(bytes: Int, every: Duration)

    // MARK: lists that lie
    /// A list without items.
    case emptyList
    /// `{}`.
    case emptyObject
    /// A list that lacks the second half of its items, without a continue token.
    case truncatedList

    // MARK: watches
    /// Ends in good order, before the next event is sent.
    case watchEnd
    /// Stays open and says nothing, neither events nor bookmarks. Applies to open watches as well.
    case watchStuck
    /// An ERROR event with 410 Gone, then the end.
    case watchGone

    // MARK: floods
    /// A 200 whose body is one line without end, up to this many bytes.
    case endlessLine(bytes: Int)
    /// A 200 whose body is an endless list of objects, up to this many bytes.
    case endlessBody(bytes: Int)

    /// A watch that sends events of objects with our label. Each object has an annotation of that many bytes. It sends at most
    /// that many events a second, and with 0 as fast as they are read. With `isGrowing` each event has another object.
    case eventFlood(bytes: Int, perSecond: Int, isGrowing: Bool)
    /// A list without a last page. Each page has that many objects, each with an annotation of that many bytes.
    case endlessPages(objects: Int, bytes: Int)
    /// Discovery of a group version with that many kinds, each time other ones.
    case endlessKinds(Int)

    var isLatency: Bool { if case .latency = self { true } else { false } }
}

/// The requests that a fault hits, and how often.
public struct FaultRule: Sendable, Hashable {
    /// An empty set matches everything.
    public struct Match: Sendable, Hashable {
        /// `get`, `list`, `watch`, `create`, `patch`, …
        public var verbs: Set<String> = []
        /// Plurals, with the subresource if there is one: `secrets`, `dataplanes/status`. For other requests the path:
        /// `/readyz`.
        public var resources: Set<String> = []
        public var namespaces: Set<String> = []
        public var names: Set<String> = []
        /// Found anywhere in the User-Agent.
        public var userAgent: String?

        public init(
            verbs: Set<String> = [], resources: Set<String> = [], namespaces: Set<String> = [], names: Set<String> = [],
            userAgent: String? = nil
        ) {
            self.verbs = verbs
            self.resources = resources
            self.namespaces = namespaces
            self.names = names
            self.userAgent = userAgent
        }

        func covers(_ attributes: RequestAttributes, userAgent: String) -> Bool {
            let subject = attributes.isResourceRequest ? attributes.resourceWithSubresource : attributes.path
            return (verbs.isEmpty || verbs.contains(attributes.verb))
                && (resources.isEmpty || resources.contains(subject))
                && (namespaces.isEmpty || namespaces.contains(attributes.namespace))
                && (names.isEmpty || names.contains(attributes.name))
                && (self.userAgent.map { userAgent.contains($0) } ?? true)
        }
    }
    public var fault: Fault
    public var match: Match
    /// The share of the matching requests that it hits: 0…1.
    public var rate: Double
    /// The rule ends after this many hits. Nil means never.
    public var count: Int?

    public init(_ fault: Fault, match: Match = Match(), rate: Double = 1, count: Int? = nil) {
        self.fault = fault
        self.match = match
        self.rate = rate
        self.count = count
    }
}
