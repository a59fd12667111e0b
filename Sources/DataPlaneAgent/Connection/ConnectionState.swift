/// The connections to one data plane: the one in use, and one that is tried.
///
/// ```
/// idle ── configured ──► trying ── proved ──► inUse ◄── proved, dropped ──┐
///  ▲                       │                    │                         │
///  └──── no settings ──────┴────────────────────┤ ── configured, ends ──► replacing
///                                               └────── other server ──► trying
/// ```
/// A link in use is made only from a candidate that has proved itself. Until then the old credentials stay in use.
enum ConnectionState: Sendable {
    /// There are no settings to connect with.
    case idle
    case trying(Candidate)
    case inUse(LinkInUse)
    case replacing(LinkInUse, Candidate)

    /// A link that no probe has succeeded on.
    struct Candidate: Sendable {
        let link: Link
        /// It has the settings of the link in use, and only the connection is new.
        let isOnlyFresh: Bool
        fileprivate(set) var hasFailed = false
        /// What probes say about its token.
        fileprivate(set) var doubt = TokenDoubt()
        fileprivate init(_ link: Link, isOnlyFresh: Bool = false) {
            self.link = link
            self.isOnlyFresh = isOnlyFresh
        }
    }

    struct LinkInUse: Sendable {
        let link: Link
        /// The connection is new, or one broke. Nothing is written before a probe has seen which server answers.
        fileprivate(set) var isSuspect = true
        /// What probes say about its token.
        fileprivate(set) var doubt = TokenDoubt()
        /// The server at the other end is about to end. Another connection may lead to a server that stays.
        fileprivate(set) var endsSoon = false
        fileprivate init(proved candidate: Candidate) { link = candidate.link }
    }

    // MARK: Reading

    var used: LinkInUse? {
        switch self {
        case .idle, .trying: nil
        case .inUse(let used), .replacing(let used, _): used
        }
    }
    var candidate: Candidate? {
        switch self {
        case .idle, .inUse: nil
        case .trying(let candidate), .replacing(_, let candidate): candidate
        }
    }
    /// Tries settings that differ from those of the link in use.
    var triesSettings: Bool { candidate.map { !$0.isOnlyFresh } ?? false }
    /// The links to probe, the candidate first.
    var links: [Link] { [candidate?.link, used?.link].compactMap { $0 } }
    /// One 401 is to be decided by the next probe.
    var hasOpenDoubt: Bool { used?.doubt.isOpen ?? false || candidate?.doubt.isOpen ?? false }

    enum Role: Sendable {
        case inUse(LinkInUse)
        case candidate(Candidate)
    }
    /// Nil for a link that was replaced meanwhile.
    func role(of link: Link) -> Role? {
        if let candidate, candidate.link === link { return .candidate(candidate) }
        if let used, used.link === link { return .inUse(used) }
        return nil
    }

    // MARK: Transitions

    struct Change: Sendable {
        /// Links that nothing uses from now on.
        var unused: [Link] = []
        /// What was found out was about another server, or there is nothing to connect with.
        var leavesServer = false
    }

    /// Other settings are wanted. `connect` makes a link for them.
    mutating func configure(_ wanted: LinkConfiguration?, connect: (LinkConfiguration) -> Link) -> Change {
        var change = Change()
        if let candidate { change.unused.append(candidate.link) }
        guard let wanted else {
            if let used { change.unused.append(used.link) }
            self = .idle
            change.leavesServer = true
            return change
        }
        guard let used else {
            self = .trying(Candidate(connect(wanted)))
            return change
        }
        if used.link.configuration == wanted {
            self = .inUse(used)  // changed there and back
        } else if used.link.configuration.server != wanted.server {
            // The old credentials don't fit another server.
            change.unused.append(used.link)
            self = .trying(Candidate(connect(wanted)))
            change.leavesServer = true
        } else {
            self = .replacing(used, Candidate(used.link.renewed(wanted) ?? connect(wanted)))
        }
        return change
    }

    /// A probe is about to start. If the server at the other end is about to end, it tries another connection.
    mutating func probeBegins(connect: (LinkConfiguration) -> Link) {
        guard let used, used.endsSoon else { return }
        if case .inUse = self {
            self = .replacing(used, Candidate(connect(used.link.configuration), isOnlyFresh: true))
        }
        update { $0.endsSoon = false }
    }

    /// The candidate's probe succeeded: it is the link in use from now on. Returns the one before.
    mutating func prove() -> Link? {
        guard let candidate else { return nil }
        let before = used?.link
        self = .inUse(LinkInUse(proved: candidate))
        return before
    }

    /// The candidate's probe failed. True if that says something about the settings: one 401 does not yet.
    mutating func candidateFailed(isRefusal: Bool) -> Bool {
        guard var candidate else { return false }
        candidate.hasFailed = true
        var isDecided = true
        if isRefusal { isDecided = candidate.doubt.refused() } else { candidate.doubt = TokenDoubt() }
        switch self {
        case .idle, .inUse: break
        case .trying: self = .trying(candidate)
        case .replacing(let used, _): self = .replacing(used, candidate)
        }
        return isDecided
    }

    /// The link in use goes on alone.
    mutating func dropCandidate() { if case .replacing(let used, _) = self { self = .inUse(used) } }

    /// The link in use was answered well.
    /// - Parameter isIdentified: whether it was seen which cluster answers.
    mutating func succeeded(isIdentified: Bool) {
        update { used in
            used.doubt = TokenDoubt()
            if isIdentified { used.isSuspect = false }
        }
    }

    /// A request other than a probe succeeded, so the token is accepted.
    mutating func tokenWasAccepted() { update { $0.doubt = TokenDoubt() } }

    /// The link in use was answered with 401. True if its token is refused: one 401 does not prove it.
    mutating func refused() -> Bool {
        var isDecided = false
        update { isDecided = $0.doubt.refused() }
        return isDecided
    }

    /// Which server answers must be seen again.
    mutating func suspect() { update { $0.isSuspect = true } }

    mutating func endsSoon() { update { $0.endsSoon = true } }

    private mutating func update(_ body: (inout LinkInUse) -> Void) {
        switch self {
        case .idle, .trying: return
        case .inUse(var used):
            body(&used)
            self = .inUse(used)
        case .replacing(var used, let candidate):
            body(&used)
            self = .replacing(used, candidate)
        }
    }
}

/// What probes say about a token. One 401 proves nothing, since one of several API servers may have an old key. Two in
/// a row prove it.
struct TokenDoubt: Sendable, Hashable {
    private var refusals = 0
    /// The token was refused once, and the next probe decides.
    var isOpen: Bool { refusals == 1 }

    /// A probe was answered with 401. True if that decides it.
    mutating func refused() -> Bool {
        refusals = min(refusals + 1, 2)
        return refusals > 1
    }
}
