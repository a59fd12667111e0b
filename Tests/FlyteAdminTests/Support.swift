import DevFlyteAdmin
import DevPKI
import HTTP
import Support

@testable import FlyteAdmin

/// A server for the time of one test.
func withServer<Result>(
    _ change: (inout DevFlyteAdmin.Options) -> Void = { _ in },
    _ body: (DevFlyteAdmin) async throws -> Result
) async throws -> Result {
    var options = DevFlyteAdmin.Options()
    options.projects = ["team1", "team2"]
    change(&options)
    let server = try await DevFlyteAdmin.start(options)
    do {
        let result = try await body(server)
        await server.stop()
        return result
    } catch {
        await server.stop()
        throw error
    }
}

func transport(ca: String? = nil) -> HTTPClient {
    HTTPClient(
        HTTPClientConfiguration(
            tls: TLSConfiguration(caCertificates: ca.map { Array($0.utf8) }), allowsPlainHTTP: ca == nil))
}

func client(
    _ server: DevFlyteAdmin, _ authorization: FlyteAdminClient.Authorization = .none, ca: String? = nil,
    _ change: (inout FlyteAdminClient.Options) -> Void = { _ in }
) -> FlyteAdminClient {
    var options = FlyteAdminClient.Options()
    change(&options)
    return FlyteAdminClient(
        endpoint: server.url, transport: transport(ca: ca), authorization: authorization, options: options)
}

func failure(_ body: () async throws -> Void) async -> FlyteAdminError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? FlyteAdminError
    }
}
