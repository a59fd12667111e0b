import FlyingFox
import FlyingSocks

/// `/healthz`, `/readyz` and `/metrics`. What is remote does not decide them: an outage of a data plane or of the control
/// plane is no reason to restart the operator.
struct AdminServer: Sendable {
    let host: String
    let port: UInt16
    let isReady: @Sendable () -> Bool
    let metrics: @Sendable () -> String

    func run() async throws {
        let server = HTTPServer(address: try .inet(ip4: host, port: port), logger: .disabled)
        let isReady = isReady
        let metrics = metrics
        await server.appendRoute("GET /healthz") { _ in Self.text(.ok, "ok\n") }
        await server.appendRoute("GET /readyz") { _ in
            isReady() ? Self.text(.ok, "ok\n") : Self.text(.serviceUnavailable, "the caches are not complete yet\n")
        }
        await server.appendRoute("GET /metrics") { _ in Self.text(.ok, metrics(), type: "text/plain; version=0.0.4") }
        try await server.run()
    }

    private static func text(_ status: HTTPStatusCode, _ text: String, type: String = "text/plain") -> FlyingFox.HTTPResponse {
        FlyingFox.HTTPResponse(statusCode: status, headers: [.contentType: type], body: .init(text.utf8))
    }
}
