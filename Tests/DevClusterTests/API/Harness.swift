import DevCluster
import JSON
import Support

/// An API server without a network.
struct Harness {
    let server: APIServer
    var store: ObjectStore { server.store }

    init(
        historyLimit: Int = 4096, timer: any Clock<Duration> = ContinuousClock(),
        configure: (inout APIServer.Configuration) -> Void = { _ in }
    ) {
        var configuration = APIServer.Configuration()
        configure(&configuration)
        server = APIServer(
            store: ObjectStore(historyLimit: historyLimit, initialRevision: 1000), timer: timer, configuration: configuration)
    }

    struct Answer: CustomStringConvertible {
        var status: Int
        var warnings: [String]
        var bytes: [UInt8]
        var json: JSON { (try? JSON(parsing: bytes)) ?? .string(String(decoding: bytes, as: UTF8.self)) }
        var lines: [JSON] { bytes.split(separator: UInt8(ascii: "\n")).compactMap { try? JSON(parsing: $0) } }
        var message: String { json["message"]?.string ?? "" }
        var description: String { "\(status) \(String(decoding: bytes, as: UTF8.self))" }
    }

    /// `target` is "GET /api/v1/…".
    @discardableResult
    func callAsFunction(
        _ target: String, _ body: JSON? = nil, type: String = "application/json", accept: String? = nil,
        agent: String = "contract/1.0"
    ) async -> Answer {
        await send(target, body?.serialized() ?? [], type: type, accept: accept, agent: agent)
    }

    func send(
        _ target: String, _ body: [UInt8], type: String = "application/json", accept: String? = nil,
        agent: String = "contract/1.0"
    ) async -> Answer {
        let response = await open(target, body, type: type, accept: accept, agent: agent)
        let warnings = response.headers.filter { $0.0 == "Warning" }.map(\.1)
        switch response.body {
        case .bytes(let bytes): return Answer(status: response.status, warnings: warnings, bytes: bytes)
        case .stream(let stream):
            var bytes: [UInt8] = []
            while let next = await stream.next() { bytes += next }
            return Answer(status: response.status, warnings: warnings, bytes: bytes)
        }
    }

    func open(
        _ target: String, _ body: [UInt8] = [], type: String = "application/json", accept: String? = nil,
        agent: String = "contract/1.0"
    ) async -> APIResponse {
        let words = target.split(separator: " ", maxSplits: 1)
        var headers = ["content-type": type, "user-agent": agent]
        headers["accept"] = accept
        let request = APIRequest(
            method: String(words.first ?? ""), target: String(words.dropFirst().first ?? "/"), headers: headers, body: body)
        return await server.respond(to: request, user: .admin)
    }

    /// Begins a watch, to be read line by line.
    func watch(_ path: String, accept: String? = nil) async -> WatchReader {
        switch await open("GET " + path, accept: accept).body {
        case .stream(let stream): WatchReader(stream)
        case .bytes(let bytes): WatchReader(ResponseStream { nil }, first: bytes)
        }
    }
}

/// The events of a watch, one by one.
final class WatchReader {
    private let stream: ResponseStream
    private var buffered: [UInt8]

    init(_ stream: ResponseStream, first: [UInt8] = []) {
        self.stream = stream
        buffered = first
    }

    /// Nil at the end.
    func next() async -> JSON? {
        while true {
            if let end = buffered.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(buffered[..<end])
                buffered.removeFirst(end + 1)
                return try? JSON(parsing: line)
            }
            guard let more = await stream.next() else { return nil }
            buffered += more
        }
    }

    /// "ADDED a", "BOOKMARK 1234".
    func summary() async -> String? {
        guard let event = await next() else { return nil }
        let type = event["type"]?.string ?? "?"
        let object = event["object"] ?? .null
        switch type {
        case "ERROR": return "ERROR \(object["message"]?.string ?? "")"
        case "BOOKMARK": return "BOOKMARK"
        default: return "\(type) \(object["metadata"]?["name"]?.string ?? "")"
        }
    }
}
