import ControlLoop
import Serving
import Support

/// The pages that a listener serves, by path. An outage of a data plane or of the control plane changes neither health
/// nor readiness, so that no outage restarts the operator.
struct AdminPages: Sendable {
    typealias Page = @Sendable () -> PageAnswer
    private var pages: [String: Page]

    private init(_ pages: [String: Page]) { self.pages = pages }

    /// - Parameter standstill: the text if the operator's own work has stopped. Nil while it goes on.
    static func probes(standstill: @escaping @Sendable () -> String?, isReady: @escaping @Sendable () -> Bool) -> Self {
        AdminPages([
            "/healthz": {
                standstill().map { PageAnswer(503, $0 + "\n") } ?? PageAnswer(200, "ok\n")
            },
            "/readyz": {
                isReady()
                    ? PageAnswer(200, "ok\n") : PageAnswer(503, "the informers are not complete yet\n")
            },
        ])
    }

    /// The page is made at most once a second. A client that asks more often gets the same bytes, which costs neither
    /// CPU nor memory.
    static func metrics(_ text: @escaping @Sendable () -> String, timeline: Timeline = .continuous) -> Self {
        let last = Locked<(answer: PageAnswer, madeAt: Duration)?>(nil)
        return AdminPages([
            "/metrics": {
                let now = timeline.now
                if let last = last.withLock({ $0 }), now - last.madeAt < .seconds(1) { return last.answer }
                var answer = PageAnswer(200, text())
                answer.type = "text/plain; version=0.0.4"
                last.withLock { [answer] in $0 = (answer, now) }
                return answer
            }
        ])
    }

    func and(_ other: AdminPages) -> AdminPages { AdminPages(pages.merging(other.pages) { first, _ in first }) }

    func answer(_ path: String) -> PageAnswer {
        pages[path]?() ?? PageAnswer(404, "there is: \(pages.keys.sorted().joined(separator: ", "))\n")
    }

    /// - Parameter name: the purpose of the address, for errors.
    func server(_ name: String = "admin", at address: ListenAddress, limits: PageLimits = PageLimits()) -> PageServer {
        PageServer(name: name, address: address, limits: limits) { answer($0.path) }
    }
}
