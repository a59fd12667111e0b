import Fleet
import HTTP
import Kube
import Support

@testable import DataPlaneAgent

/// A server that nobody asks anything.
private struct DeafTransport: HTTPTransport {
    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse { HTTPResponse(status: 500) }
    func open(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
        throw HTTPError(.closed, "closed", mayHaveBeenProcessed: false)
    }
    func close() {}
}

func link(_ configuration: LinkConfiguration) -> Link {
    let client = KubeClient(
        server: "https://dp", transport: DeafTransport(), authorization: NoAuthorization(),
        options: .init(userAgent: "squadron-test"))
    return Link(configuration, client: client, prober: client)
}

func settings(
    _ server: String = "https://dp1", token: String = "one", ca: [UInt8] = []
) -> LinkConfiguration {
    LinkConfiguration(server: .url(server), token: Sensitive(token), ca: ca, connection: Connection())
}
