import HTTP
import JSON
import KubeObjects
import Support
import Testing

@testable import Kube

@Suite("Errors")
struct ErrorTests {
    private func error(_ status: APIStatus) -> KubeError { KubeError(operation: "apply x", cause: .status(status)) }

    @Test("Conflicts of a server-side apply name field and manager")
    func conflicts() throws {
        let error = error(try fixtureStatus("apply-conflict.json", code: 409))
        #expect(error.isConflict)
        #expect(!error.isRetryable)
        #expect(
            error.conflicts == [
                FieldConflict(
                    field: ".metadata.annotations.eks.amazonaws.com/role-arn", manager: "kubectl",
                    message: #"conflict with "kubectl""#),
                FieldConflict(
                    field: ".metadata.annotations.x", manager: "kubectl", message: #"conflict with "kubectl""#),
            ])
        let update = self.error(try fixtureStatus("apply-conflict-update.json", code: 409))
        #expect(update.conflicts.map(\.manager) == ["kubectl-annotate"])
    }

    @Test("A manager's name is unquoted; a message of another form is shown as it is")
    func managers() {
        func manager(_ message: String) -> String {
            FieldConflict(cause: .init(reason: "FieldManagerConflict", message: message, field: ".a")).manager
        }
        #expect(manager(#"conflict with "a \"b\" \\c" with subresource "status" using v1"#) == #"a "b" \c"#)
        #expect(manager("conflict with nobody") == "conflict with nobody")
        #expect(manager(#"conflict with "open"#) == #"conflict with "open"#)
    }

    @Test("Each recorded refusal of Kubernetes answers the questions about it")
    func recorded() throws {
        let exists = error(try fixtureStatus("exists.json", code: 409))
        #expect(exists.isAlreadyExists && !exists.isConflict && !exists.isRetryable)
        let optimistic = error(try fixtureStatus("optimistic.json", code: 409))
        #expect(optimistic.isConflict && optimistic.conflicts.isEmpty && optimistic.isRetryable)
        let terminating = error(try fixtureStatus("terminating.json", code: 403))
        #expect(terminating.isNamespaceTerminating && terminating.isForbidden && terminating.isRetryable)
        let forbidden = error(try fixtureStatus("forbidden.json", code: 403))
        #expect(forbidden.isForbidden && !forbidden.isNamespaceTerminating && !forbidden.isRetryable)
        let unauthorized = error(try fixtureStatus("unauthorized.json", code: 401))
        #expect(unauthorized.isUnauthorized && !unauthorized.isRetryable)
        let invalid = error(try fixtureStatus("invalid.json", code: 422))
        #expect(invalid.isInvalid && !invalid.isRetryable && invalid.status?.causes.first?.field == "metadata.name")
        let strict = error(try fixtureStatus("strict.json", code: 500))
        #expect(strict.isInvalid && !strict.isRetryable)
        for message in [
            "failed to create typed patch object (n/c; /v1, Kind=ConfigMap): .data.a: expected string, got 5",
            "failed to convert new object (n/q; /v1, Kind=ResourceQuota) to proper version: unable to convert",
        ] {
            let unfit = error(APIStatus(code: 500, reason: "", message: message))
            #expect(unfit.isInvalid && !unfit.isRetryable, "\(message)")
        }
        let webhook = error(APIStatus(code: 500, reason: "InternalError", message: "failed calling webhook"))
        #expect(!webhook.isInvalid && webhook.isRetryable)
    }

    @Test("A missing object, an unserved kind and a proxy's page are distinguished")
    func notFound() {
        let message = "the server could not find the requested resource"
        let object = error(APIStatus(code: 404, reason: "NotFound", message: #"namespaces "x" not found"#))
        #expect(object.isNotFound && !object.isNotServed)
        let kind = error(APIStatus(code: 404, reason: "NotFound", message: message))
        #expect(kind.isNotServed && !kind.isNotFound)
        let group = error(
            APIStatus(
                answer: 404, headers: [:], body: Array("404 page not found\n".utf8), now: .init(secondsSince1970: 0)))
        #expect(group.isNotServed && !group.isNotFound)
        let page = error(
            APIStatus(answer: 404, headers: [:], body: Array("<html>Not Found".utf8), now: .init(secondsSince1970: 0)))
        #expect(!page.isNotServed && !page.isNotFound && !page.isRetryable)
    }

    @Test(
        "Retry-After is read as seconds, date or from the status, and is at most a day",
        arguments: [
            ("30", 30), ("0", 0), ("Sun, 06 Nov 1994 08:50:37 GMT", 60), ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
            ("99999999999", 86_400), ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400), ("-1", nil), ("soon", nil),
            ("Sun, 99 Nov 1994 08:49:37 GMT", nil),
        ])
    func retryAfter(header: String, seconds: Int?) async throws {
        let transport = ScriptedTransport(.text("slow down", status: 429, headers: ["retry-after": header]))
        let error = try await failure { try await client(transport).version() }
        #expect(error.isRetryable)
        #expect(error.retryAfter == seconds.map { .seconds($0) })
        #expect(transport.requests.count == 1, "the client itself does not repeat it")
    }

    @Test("retryAfterSeconds of the body counts if there is no header")
    func retryAfterInBody() async throws {
        let body: JSON = ["kind": "Status", "status": "Failure", "code": 503, "details": ["retryAfterSeconds": 7]]
        let both: HTTPHeaders = ["Retry-After": "3"]
        let transport = ScriptedTransport(.json(body, status: 503), .json(body, status: 503, headers: both))
        #expect(try await failure { try await client(transport).version() }.retryAfter == .seconds(7))
        #expect(try await failure { try await client(transport).version() }.retryAfter == .seconds(3))
    }

    @Test("A body without a Status is shown in one short line of printable characters")
    func excerpts() async throws {
        let html = "<html>\r\n\u{1B}[31m<h1>Bad\u{0} Gateway</h1>" + String(repeating: "x", count: 5000)
        let transport = ScriptedTransport(.text(html, status: 502), .response(HTTPResponse(status: 503)))
        let error = try await failure { try await client(transport).version() }
        let message = try #require(error.status?.message)
        #expect(message.hasPrefix("<html> [31m<h1>Bad Gateway</h1>xxx"))
        #expect(message.unicodeScalars.count == 200)
        #expect(error.isRetryable)
        let empty = try await failure { try await client(transport).version() }
        #expect(empty.description == "get /version: 503")
        let garbage = APIStatus(answer: 500, headers: [:], body: [0xFF, 0xFE, 0x41], now: .init(secondsSince1970: 0))
        #expect(garbage.message.hasSuffix("A"))
    }

    @Test("A refusal of megabytes is not searched for a Status")
    func largeRefusal() async throws {
        let status: JSON = [
            "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404,
            "message": .string(String(repeating: "m", count: 2 << 20)),
        ]
        let error = try await failure { try await client(ScriptedTransport(.json(status, status: 404))).version() }
        #expect(error.status?.code == 404)
        #expect(error.status?.reason == "")
        #expect(error.description.utf8.count < 1_000)
    }

    @Test("An outage is retryable; a cancelled or unsendable request is not")
    func retryable() {
        func isRetryable(_ kind: HTTPError.Kind) -> Bool {
            KubeError(operation: "", cause: .transport(HTTPError(kind, "", mayHaveBeenProcessed: false))).isRetryable
        }
        #expect(!isRetryable(.cancelled) && !isRetryable(.closed) && !isRetryable(.invalidRequest))
        #expect(isRetryable(.dnsFailed) && isRetryable(.tlsUntrusted) && isRetryable(.timeout(.firstByte)))
    }
}
