import ControlLoop
import Fleet
import KubeObjects

/// What the next probe asks and when it starts, as a value.
///
/// Each probe asks whether the data plane answers and which cluster it is. Rights, version and kinds are asked for when
/// they are due.
struct ProbeAgenda: Sendable {
    /// Rights, version and kinds are checked this often even without a failure. A binding may have been deleted, or the
    /// API server upgraded in place.
    static let checkup = Duration.seconds(60)
    static let discoveryInterval = Duration.seconds(30)

    /// What is known when a probe is about to start.
    struct Situation: Sendable {
        /// A new connection is tried.
        var triesConnection: Bool
        /// It has other settings than the one in use.
        var triesSettings: Bool
        /// Nothing is known of the data plane behind the link in use, or something is wrong with it.
        var isUnsettled: Bool
        /// Its version is known from this process or from an earlier one.
        var knowsVersion: Bool
    }

    private(set) var schedule: ProbeSchedule
    /// A request was refused since the last review.
    private var needsReview = false
    /// Other rights are needed than those of the last review.
    private var needsOtherReview = false
    private var lastReview: Duration?
    /// The server may have been upgraded since we asked for its version.
    private var versionIsDue = true
    private var lastVersion: Duration?
    private var lastDiscovery: [String: Duration] = [:]

    init(interval: Duration) { schedule = ProbeSchedule(interval: interval) }

    mutating func call(_ call: ProbeSchedule.Call) { schedule.call(call) }

    /// Begins a probe. Returns what to ask on which of these links.
    mutating func begin(
        _ links: [Link], candidate: Link?, _ situation: Situation, unknown: Set<GroupVersionKind>, now: Duration
    ) -> [ProbeOrder] {
        schedule.began(now: now)
        let reviews = reviewIsDue(situation, now: now)
        let asksVersion = asksVersion(situation, now: now)
        let apiVersions = apiVersionsToDiscover(unknown, now: now)
        if reviews || situation.triesSettings { (lastReview, needsOtherReview) = (now, false) }
        if asksVersion { lastVersion = now }
        return links.map { link in
            ProbeOrder(
                link: link, asksPermissions: reviews || (situation.triesSettings && link === candidate),
                asksVersion: asksVersion, apiVersions: apiVersions)
        }
    }

    private func reviewIsDue(_ situation: Situation, now: Duration) -> Bool {
        guard let lastReview else { return true }
        let age = now - lastReview
        if needsOtherReview { return age >= min(ProbeSchedule.quick, schedule.interval) }
        return age >= (needsReview || situation.isUnsettled ? schedule.interval : Self.checkup)
    }

    /// Whether the next probe must ask for everything again.
    func needsFullProbe(_ situation: Situation) -> Bool {
        situation.triesConnection || situation.isUnsettled || needsReview
    }

    /// Whether a probe asks for the version: at once if none is known, else when nothing more urgent is open about a
    /// new connection.
    func asksVersion(_ situation: Situation, now: Duration) -> Bool {
        let needsFullProbe = needsFullProbe(situation)
        if !situation.knowsVersion { return needsFullProbe }
        let isOld = lastVersion.map { now - $0 >= Self.checkup } ?? true
        return (versionIsDue && !needsFullProbe) || (isOld && !situation.triesConnection)
    }

    /// The group versions of unknown kinds, each at most twice a minute.
    func apiVersionsToDiscover(_ unknown: Set<GroupVersionKind>, now: Duration) -> Set<String> {
        Set(unknown.map(\.apiVersion)).filter { version in
            lastDiscovery[version].map { now - $0 >= Self.discoveryInterval } ?? true
        }
    }

    // MARK: What it learns

    /// Rights turned out to be missing. The next probe reviews them again.
    mutating func wasForbidden() {
        needsReview = true
        schedule.call(.failure)
    }

    /// Other rights are needed than those of the last review.
    mutating func needsOtherPermissions() {
        needsOtherReview = true
        schedule.call(.change)
    }

    mutating func reviewed() { needsReview = false }

    /// It may have been upgraded.
    mutating func doubtVersion() { versionIsDue = true }

    /// - Parameter isOther: another version may serve other kinds.
    mutating func learnedVersion(isOther: Bool) {
        if isOther { lastDiscovery = [:] }
        versionIsDue = false
    }

    mutating func discovered(_ apiVersion: String, now: Duration) { lastDiscovery[apiVersion] = now }

    /// It may be another server.
    mutating func forgetDiscovery() { lastDiscovery = [:] }
}
