import DevFlyteAdmin
import Foundation
import HTTP
import JSON
import Testing

/// devflyteadmin, judged by flyteadmin: what v1.16.8 answered to a list of requests, in order, from an empty database. The
/// record belongs to another project and stays out of this repository; CI has it in `shared`, beside the clone.
@Suite struct AnswersTests {
    private static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "../../../shared/flyteadmin-answers.jsonl"
    ).standardizedFileURL

    private static var isThere: Bool { FileManager.default.fileExists(atPath: file.path) }

    @Test(
        "devflyteadmin answers each recorded request as flyteadmin does",
        .enabled(if: isThere, "needs ../shared/flyteadmin-answers.jsonl, beside this checkout"))
    func sameAnswers() async throws {
        let lines = try String(contentsOf: Self.file, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 262)
        try await withServer({ $0.projects = [] }) { server in
            let transport = transport()
            for line in lines {
                let exchange = try JSON(parsing: String(line))
                let response = try await transport.send(Self.request(exchange, String(line), to: server.url))
                let recorded = exchange["answer"] ?? .null
                let answer =
                    (try? JSON(parsing: response.body)) ?? .string(String(decoding: response.body, as: UTF8.self))
                let name =
                    "\(exchange["n"]?.int ?? -1) \(exchange["method"]?.string ?? "") \(exchange["path"]?.string ?? "")"
                #expect(Int64(response.status) == exchange["status"]?.int, "\(name)")
                let (one, other) = (Self.comparable(answer), Self.comparable(recorded))
                #expect(one == other, "\(name): \(one.serializedString) is not \(other.serializedString)")
            }
        }
    }

    private static func request(_ exchange: JSON, _ line: String, to url: String) throws -> HTTPRequest {
        let method = try #require(HTTPRequest.Method(rawValue: exchange["method"]?.string ?? ""))
        var request = HTTPRequest(method, url + (exchange["path"]?.string ?? ""))
        for (name, value) in exchange["headers"]?.object ?? [:] { request.headers[name] = value.string }
        guard let body = exchange["body"], !body.isNull else { return request }
        // Its text, since an error shows the order of the members.
        let start = try #require(line.firstRange(of: "\"body\": ")).upperBound
        let end = try #require(line.firstRange(of: ", \"status\": ")).lowerBound
        request.body = Array((body.string ?? String(line[start..<end])).utf8)
        if request.headers["Content-Type"] == nil { request.headers["Content-Type"] = "text/plain" }
        return request
    }

    /// protojson puts a space into its errors at random, and names places in a text that is written in another way here.
    private static func comparable(_ json: JSON) -> JSON {
        switch json {
        case .string(let text):
            let words = text.replacing("\u{A0}", with: " ").split(separator: " ").joined(separator: " ")
            return .string(words.replacing(/\(line 1:\d+\)/, with: "(line)"))
        case .array(let elements): return .array(elements.map(comparable))
        case .object(let members): return .object(members.mapValues(comparable))
        default: return json
        }
    }
}
