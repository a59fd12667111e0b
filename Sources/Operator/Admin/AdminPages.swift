import ControlLoop
import NIOCore
import NIOHTTP1
import Support

/// What a page of the admin port says.
struct AdminAnswer: Sendable {
    var status: HTTPResponseStatus
    var type = "text/plain"
    /// Shared between connections: a page of metrics can have megabytes.
    var body: ByteBuffer

    init(_ status: HTTPResponseStatus, _ text: String) {
        self.status = status
        body = ByteBuffer(string: text)
    }
}

/// The pages that a listener serves, by path. What is remote does not decide health and readiness: an outage of a data
/// plane or of the control plane does not have the operator restarted.
struct AdminPages: Sendable {
    typealias Page = @Sendable () -> AdminAnswer
    private var pages: [String: Page]

    private init(_ pages: [String: Page]) { self.pages = pages }

    /// - Parameter standstill: what to say where the operator's own work stands still; nil while it goes on.
    static func probes(standstill: @escaping @Sendable () -> String?, isReady: @escaping @Sendable () -> Bool) -> Self {
        AdminPages([
            "/healthz": {
                standstill().map { AdminAnswer(.serviceUnavailable, $0 + "\n") } ?? AdminAnswer(.ok, "ok\n")
            },
            "/readyz": {
                isReady()
                    ? AdminAnswer(.ok, "ok\n") : AdminAnswer(.serviceUnavailable, "the caches are not complete yet\n")
            },
        ])
    }

    /// The page is made at most once a second. A client that asks more often gets the same bytes again, which costs neither
    /// CPU nor memory.
    static func metrics(_ text: @escaping @Sendable () -> String, timeline: Timeline = .continuous) -> Self {
        let last = Locked<(answer: AdminAnswer, madeAt: Duration)?>(nil)
        return AdminPages([
            "/metrics": {
                let now = timeline.now
                if let last = last.withLock({ $0 }), now - last.madeAt < .seconds(1) { return last.answer }
                var answer = AdminAnswer(.ok, text())
                answer.type = "text/plain; version=0.0.4"
                last.withLock { [answer] in $0 = (answer, now) }
                return answer
            }
        ])
    }

    func and(_ other: AdminPages) -> AdminPages { AdminPages(pages.merging(other.pages) { first, _ in first }) }

    /// Nil for a path that isn't there.
    func answer(_ path: some StringProtocol) -> AdminAnswer? { pages[String(path)]?() }

    var missing: AdminAnswer { AdminAnswer(.notFound, "there is: \(pages.keys.sorted().joined(separator: ", "))\n") }
}
