import ControlLoop
import Fleet
import FlyteAdmin
import HTTP
import JSON
import KubeObjects
import Support
import Testing

@testable import Operator

@Suite("When flyteadmin is asked")
struct PollScheduleTests {
    private var random = SeededRandom(seed: 1)

    @Test("The next poll is an interval away, give or take a tenth; a change delays none")
    mutating func polls() {
        var schedule = PollSchedule(interval: .seconds(60))
        #expect(schedule.isDue(.zero))
        var seen: Set<Duration> = []
        for _ in 0..<50 {
            schedule.succeeded(.seconds(1000), isPoll: true, using: &random)
            #expect((.seconds(1054)...(.seconds(1066))).contains(schedule.next))
            seen.insert(schedule.next)
        }
        #expect(seen.count > 10)
        let next = schedule.next
        schedule.succeeded(.seconds(1010), isPoll: false, using: &random)
        #expect(schedule.next == next)
        #expect(!schedule.isDue(next - .seconds(1)) && schedule.isDue(next))
    }

    @Test("Failures make polls rarer, at most a minute apart; a success ends that")
    mutating func backsOff() {
        var schedule = PollSchedule(interval: .seconds(3600))
        var now = Duration.zero
        var waits: [Duration] = []
        for _ in 0..<12 {
            schedule.failed(now, retryAfter: nil, using: &random)
            #expect(!schedule.mayAsk(now))
            waits.append(schedule.next - now)
            now = schedule.next
        }
        #expect(waits[0] <= .seconds(1) && waits[0] >= .milliseconds(500))
        #expect(waits.allSatisfy { $0 <= .seconds(60) })
        #expect(waits[11] >= .seconds(30))
        schedule.succeeded(now, isPoll: false, using: &random)
        #expect(schedule.mayAsk(now) && !schedule.isDue(now))
    }

    @Test("A server's Retry-After is kept")
    mutating func retryAfter() {
        var schedule = PollSchedule(interval: .seconds(60))
        schedule.failed(.zero, retryAfter: .seconds(120), using: &random)
        #expect(schedule.next == .seconds(120))
    }

    @Test("A poll that somebody asks for comes at once, also while flyteadmin is waited for")
    mutating func asked() {
        var schedule = PollSchedule(interval: .seconds(60))
        schedule.failed(.seconds(10), retryAfter: .seconds(120), using: &random)
        schedule.callNow()
        #expect(schedule.isDue(.seconds(11)) && schedule.mayAsk(.seconds(11)))
        var refusals = Refusals()
        for _ in 0..<5 { refusals.add("row", "no") }
        refusals.retryAll()
        #expect(refusals["row"] == nil)
    }

    @Test("A refused row is tried again after 1, 2, 4, 8, 15, 15 polls")
    func refusals() {
        var refusals = Refusals()
        var tried: [Int] = []
        refusals.add("row", "no")
        #expect(refusals["row"] == "no")
        for poll in 1...45 {
            refusals.polled()
            if refusals["row"] == nil {
                tried.append(poll)
                refusals.add("row", "no")
            }
        }
        #expect(tried == [1, 3, 7, 15, 30, 45])
        refusals.retain([])
        #expect(refusals["row"] == nil)
    }
}

@Suite("How flyteadmin is reached")
struct FlyteAdminConnectionTests {
    private func read(
        _ spec: FlyteAdmin, _ secrets: [String: NamedSecrets.Reading]
    ) -> Result<FlyteAdminConnection, Problem> {
        switch FlyteAdminConnection.read(spec, { secrets[$0] ?? .absent }) {
        case .ready(let connection): .success(connection)
        case .pending: .failure(Problem(text: "pending"))
        case .unusable(let text): .failure(Problem(text: text))
        case .notAllowed(let text): .failure(Problem(text: "not allowed: " + text))
        }
    }
    private struct Problem: Error, Equatable { var text: String }

    /// A Secret for flyteadmin's host.
    private func labelled(
        _ entries: [String: Sensitive], use: String? = "flyteadmin", hosts: String? = "flyteadmin"
    ) -> NamedSecrets.Reading {
        .present(
            SecretContent(
                entries, labels: use.map { ["multicluster.flyte.org/use": $0] } ?? [:],
                annotations: hosts.map { ["multicluster.flyte.org/hosts": $0] } ?? [:]))
    }

    private func spec(token: Bool = false) -> FlyteAdmin {
        var spec = FlyteAdmin(endpoint: "https://flyteadmin:443")
        spec.caCertRef = KeyReference(name: "ca", key: "ca.crt")
        if token { spec.auth = FlyteAdmin.Auth(tokenRef: KeyReference(name: "auth", key: "token")) }
        return spec
    }

    @Test("Secrets are read with the white space around them left out")
    func reads() throws {
        let secrets: [String: NamedSecrets.Reading] = [
            "ca": labelled(["ca.crt": Sensitive("PEM\n")]), "auth": labelled(["token": Sensitive(" abc\n")]),
        ]
        let connection = try read(spec(token: true), secrets).get()
        #expect(connection.ca == Array("PEM".utf8))
        #expect(connection.credentials == .token(Sensitive("abc")))
        #expect("\(connection)".contains("abc") == false)
    }

    @Test("A Secret without the label, or for data planes, is not used, its CA included")
    func labels() {
        let token = ["token": Sensitive("abc")]
        let ca = ["ca.crt": Sensitive("PEM")]
        func problem(_ caSecret: NamedSecrets.Reading, _ auth: NamedSecrets.Reading) -> String {
            guard case .failure(let problem) = read(spec(token: true), ["ca": caSecret, "auth": auth]) else {
                return ""
            }
            return problem.text
        }
        #expect(problem(labelled(ca), labelled(token)) == "")
        for use in [nil, "values", "replicate"] {
            #expect(problem(labelled(ca), labelled(token, use: use)).hasPrefix("not allowed: Secret auth "))
            #expect(problem(labelled(ca, use: use), labelled(token)).hasPrefix("not allowed: Secret ca "))
        }
        var stolen = FlyteAdmin(endpoint: "https://evil")
        stolen.auth = FlyteAdmin.Auth(tokenRef: KeyReference(name: "cluster-credentials", key: "dataplane_1_token"))
        for reading in [labelled(["dataplane_1_token": Sensitive("abc")], hosts: "evil"), .absent, .unknown] {
            guard case .failure(let problem) = read(stolen, ["cluster-credentials": reading]) else {
                Issue.record("it would be used")
                continue
            }
            #expect(problem.text.hasPrefix("not allowed: Secret cluster-credentials holds credentials of data planes"))
        }
    }

    @Test("A token goes only to the hosts of its Secret's annotation; a CA needs none")
    func hosts() {
        let ca = labelled(["ca.crt": Sensitive("PEM")], hosts: nil)
        func isUsable(_ hosts: String?) -> Bool {
            let auth = labelled(["token": Sensitive("abc")], hosts: hosts)
            guard case .success = read(spec(token: true), ["ca": ca, "auth": auth]) else { return false }
            return true
        }
        #expect(isUsable("sso, flyteadmin:443"))
        for hosts in [nil, "", "flyteadmin:8080", "other"] { #expect(!isUsable(hosts)) }
    }

    @Test("A client's secret needs the hosts of its token endpoint and of flyteadmin")
    func clientSecret() throws {
        var spec = FlyteAdmin(endpoint: "https://flyteadmin")
        spec.auth = FlyteAdmin.Auth(
            oauth2: .init(
                tokenURL: "https://sso:8443/token", clientID: "c",
                clientSecretRef: KeyReference(name: "auth", key: "secret")))
        spec.auth?.oauth2?.clientAuth = .post
        func reading(_ hosts: String) -> Result<FlyteAdminConnection, Problem> {
            read(spec, ["auth": labelled(["secret": Sensitive("abc")], hosts: hosts)])
        }
        for hosts in ["flyteadmin", "sso", "sso:443, flyteadmin"] {
            guard case .failure(let problem) = reading(hosts) else {
                Issue.record("\(hosts)")
                continue
            }
            #expect(problem.text.hasPrefix("not allowed: Secret auth must not be sent to https://"))
        }
        guard case .oauth2(let credentials) = try reading("sso:8443, flyteadmin").get().credentials else {
            Issue.record("no client credentials")
            return
        }
        #expect(credentials.clientAuth == .body)
    }

    @Test("Nothing is sent in plain text out of the cluster, whatever a CRD has let through")
    func plainText() {
        var spec = FlyteAdmin(endpoint: "http://flyteadmin.example.com")
        spec.auth = FlyteAdmin.Auth(tokenRef: KeyReference(name: "auth", key: "token"))
        let secrets: [String: NamedSecrets.Reading] = ["auth": labelled(["token": Sensitive("abc")])]
        guard case .failure(let problem) = read(spec, secrets) else {
            Issue.record("it would be used")
            return
        }
        #expect(problem.text.contains("spec.flyteAdmin.endpoint: must begin with https://"))
    }

    @Test("A wrong Secret is reported by name and key, never by content")
    func problems() {
        let good: NamedSecrets.Reading = labelled(["ca.crt": Sensitive("PEM")])
        let cases: [(NamedSecrets.Reading, String)] = [
            (.unknown, "pending"), (.absent, "Secret auth does not exist"),
            (.unreadable("forbidden"), "Secret auth can't be read: forbidden"),
            (labelled(["other": Sensitive("x")]), "Secret auth has nothing in its key token"),
            (labelled(["token": Sensitive(" \n")]), "Secret auth has nothing in its key token"),
            (
                labelled(["token": Sensitive("a b")]),
                "Secret auth, key token: white space or other characters that a token can't have"
            ),
        ]
        for (reading, message) in cases {
            guard case .failure(let problem) = read(spec(token: true), ["ca": good, "auth": reading]) else {
                Issue.record("\(message) was expected")
                continue
            }
            #expect(problem.text == message)
        }
    }
}

@Suite("What is said of labels in flyteadmin")
struct FlyteAdminReportsTests {
    private func object(_ value: String, generation: Int64 = 1, published: Condition? = nil) -> ExecutionClusterLabel {
        var metadata = ObjectMeta(name: "a")
        metadata.generation = generation
        var status = ExecutionClusterLabelStatus()
        status.conditions = published.map { [$0] } ?? []
        return ExecutionClusterLabel(
            metadata: metadata, spec: ExecutionClusterLabelSpec(project: "p", domain: "d", value: value), status: status
        )
    }
    private let key = AdminRowKey(project: "p", domain: "d")
    private func condition(_ reason: String, generation: Int64 = 1) -> Condition {
        Condition(
            type: "Published", status: .isTrue, reason: reason, message: "m", observedGeneration: generation,
            lastTransitionTime: Timestamp(Instant(secondsSince1970: 0)))
    }

    @Test("Before the first answer, what was said before of the same spec holds")
    func carriesOver() {
        let reports = FlyteAdminReports()
        #expect(reports.publication(of: object("label1", published: condition("Published"))) == .notConfigured)
        #expect(reports.set(isConfigured: true))
        #expect(
            reports.publication(of: object("label1", published: condition("Published")))
                == .asBefore(.isTrue, reason: "Published", message: "m"))
        #expect(reports.publication(of: object("label1", generation: 2, published: condition("Published"))) == .pending)
        #expect(reports.publication(of: object("label1", published: condition("FlyteAdminNotConfigured"))) == .pending)
        #expect(reports.publication(of: object("label1")) == .pending)
    }

    @Test("Known facts hold for one value only, and only changes are reported")
    func knows() {
        let reports = FlyteAdminReports()
        _ = reports.set(isConfigured: true)
        #expect(reports.replace(["a": (AdminRow(key, "label1"), .published)]) == ["a"])
        #expect(reports.replace(["a": (AdminRow(key, "label1"), .published)]) == [])
        #expect(reports.publication(of: object("label1")) == .published)
        #expect(reports.publication(of: object("label2")) == .pending)
    }
}

@Suite("What explains an error of flyteadmin's")
struct FlyteAdminHintTests {
    private let refusal = "flyteadmin: 401 invalid audience [https://sso], wanted [https://flyteadmin]"
    private func connection(tokenURL: String) -> FlyteAdminConnection {
        FlyteAdminConnection(
            endpoint: "https://flyteadmin.example.com", ca: nil,
            credentials: .oauth2(
                OAuth2Tokens.Credentials(
                    tokenURL: tokenURL, clientID: "c", clientSecret: Sensitive("s"), scopes: [], clientAuth: .header)))
    }

    @Test("A token that was made for another host is explained")
    func audience() {
        let other = connection(tokenURL: "https://sso.example.com/oauth2/token")
        #expect(other.hint(for: refusal).contains("the token was made for another host"))
        #expect(other.hint(for: refusal).contains("sso.example.com"))
        #expect(other.hint(for: "401 Token is expired").isEmpty)
        #expect(connection(tokenURL: "https://flyteadmin.example.com/oauth2/token").hint(for: refusal).isEmpty)
    }
}
