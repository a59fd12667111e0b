import HTTP
import JSON
import KubeObjects
import Support
import Testing

@testable import Kube

/// A file beside the tests, as it was recorded from Kubernetes 1.36.
func fixture(_ name: String) throws -> [UInt8] {
    let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    return try FileContents.read("/\(folder)/Fixtures/\(name)", limit: 1 << 20)
}

func fixtureStatus(_ name: String, code: Int) throws -> APIStatus {
    APIStatus(answer: code, headers: [:], body: try fixture(name), now: Instant(secondsSince1970: 0))
}

func client(
    _ transport: ScriptedTransport, authorization: any Authorization = NoAuthorization(),
    limiter: RequestLimiter? = nil,
    limits: AnswerLimits = AnswerLimits(), meter: ServerMeter? = nil
) -> KubeClient {
    var options = KubeClient.Options(userAgent: "squadron/1.2.3")
    options.limits = limits
    options.meter = meter
    options.limiter = limiter
    options.wallClock = WallClock { Instant(secondsSince1970: 784_111_777) }  // Sun, 06 Nov 1994 08:49:37 GMT
    return KubeClient(
        server: "https://10.0.0.1:6443/", transport: transport, authorization: authorization, options: options)
}

/// The error that `body` must throw.
func failure(_ body: () async throws -> some Any, _ location: SourceLocation = #_sourceLocation) async throws
    -> KubeError
{
    do {
        let value = try await body()
        Issue.record("no error but \(value)", sourceLocation: location)
        throw CancellationError()
    } catch let error as KubeError {
        return error
    }
}

/// The part of a URL behind its server.
func target(_ request: HTTPRequest) -> String { String(request.url.dropFirst("https://10.0.0.1:6443".count)) }
