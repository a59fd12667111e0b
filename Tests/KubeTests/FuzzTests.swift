import HTTP
import JSON
import KubeObjects
import Support
import TestSupport
import Testing
import YAML

@testable import Kube

/// What a server, or a file from elsewhere, may send: nothing of it may end the process, and no message may hold more of it
/// than people can read.
@Suite("Fuzz: what servers and kubeconfigs send")
struct FuzzTests {
    private static func isShowable(_ text: String) -> Bool {
        text.utf8.count <= 32 << 10
            && text.unicodeScalars.allSatisfy { scalar in
                scalar == "\n" || scalar.properties.generalCategory != .control
            }
    }

    private static let objects = [
        #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"b","uid":"u","resourceVersion":"5","#
            + #""generation":1,"creationTimestamp":"2024-02-29T23:59:60Z","labels":{"a":"b"},"annotations":{"c":"d"},"#
            + #""managedFields":[{"manager":"m","operation":"Apply","apiVersion":"v1","time":"2024-01-01T00:00:00Z","#
            + #""fieldsV1":{"f:data":{".":{},"f:x":{},"k:{\"name\":\"x\"}":{},"v:1":{},"i:0":{}}}}]},"data":{"x":"y"}}"#,
        #"{"a":[1,-0,1.5e3,"\u00fc\ud83c\udf0d",null,true,{"b":{}}],"":""}"#,
    ]

    @Test("JSON: what is read can be written and read again")
    func json() throws {
        try fuzz(Self.objects + ["[]", "0", #""""#]) { bytes in
            let limits = JSON.Limits(depth: 32, bytes: 1 << 20, values: 10_000)
            do throws(JSON.SyntaxError) {
                let value = try JSON(parsing: bytes, limits: limits)
                let again = try JSON(parsing: value.serialized(), limits: limits)
                // A number without digits after the point is read again as an integer.
                #expect(again.serialized() == value.serialized())
            } catch {
                #expect(Self.isShowable("\(error)"))
            }
        }
    }

    @Test("A page of metadata read in one walk is the same as by way of JSON")
    func metadataPages() throws {
        let item =
            #"{"metadata":{"name":"a","namespace":"b","uid":"u","resourceVersion":"5","generation":1,"generateName":"g","#
            + #""creationTimestamp":"2024-02-29T23:59:60Z","deletionTimestamp":null,"finalizers":["f"],"#
            + #""labels":{"a":"b","a":"c"},"annotations":null,"selfLink":"","ownerReferences":[{"kind":"A"}],"#
            + #""managedFields":[{"manager":"m","operation":"Apply","apiVersion":"v1","time":"2024-01-01T00:00:00Z","#
            + #""subresource":"","fieldsType":"FieldsV1","fieldsV1":{"f:data":{".":{},"f:x":{}}}}]}}"#
        let head = #"{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":"#
        let usual =
            head + #"{"resourceVersion":"7","continue":"on"},"items":["#
            + Array(repeating: item, count: 20).joined(separator: ",") + "]}"
        let empty = head + #"{"resourceVersion":"7"},"items":null}"#
        let plain = JSON.Limits(depth: 32, bytes: 1 << 20, values: 10_000)
        var quickly = plain
        quickly.repeatedMember = "fieldsV1"
        let request = KubeRequest(.get, "/api/v1/namespaces", operation: "list namespaces")
        func read(_ bytes: [UInt8]) -> (quick: ListPage<PartialObject>?, slow: ListPage<PartialObject>?) {
            let json = try? JSON(parsing: bytes, limits: plain)
            return (ListAnswer.metadataPage(bytes, quickly), json.flatMap { try? ListAnswer.page($0, request) })
        }
        for text in [usual, empty] { #expect(read(Array(text.utf8)).quick != nil) }
        // The list of a real server.
        #expect(read(try fixture("metadata-list.json")).quick != nil)
        try fuzz([usual, empty]) { bytes in
            let (quick, slow) = read(bytes)
            guard let quick else { return }
            #expect(quick.items.map(\.object) == slow?.items.map(\.object))
            #expect(quick.resourceVersion == slow?.resourceVersion && quick.continueToken == slow?.continueToken)
        }
    }

    @Test("YAML: every text has documents or a problem with a line")
    func yaml() throws {
        let corpus = [
            "a: &x {b: [1, 'two', \"three\\n\"]}\nc: *x\n---\n- |\n  text\n  more\n- >-\n  folded\n- !!binary aGk=\n",
            "? key\n: - 0o17\n  - .inf\n  - 2001-12-14\n<<: {a: b}\n# comment\n", "%YAML 1.1\n---\n{}\n...\n",
        ]
        try fuzz(corpus, rounds: 1_000) { bytes in
            do throws(YAML.Failure) {
                _ = try YAML.parse(bytes)
            } catch {
                #expect(Self.isShowable("\(error)"))
            }
        }
    }

    @Test("Watch events are the same wherever the network splits them; errors are short")
    func watch() throws {
        let corpus = [
            #"{"type":"ADDED","object":\#(Self.objects[0])}"# + "\n"
                + #"{"type":"BOOKMARK","object":{"kind":"ConfigMap","metadata":{"resourceVersion":"7"}}}"# + "\n",
            #"{"type":"ERROR","object":{"kind":"Status","status":"Failure","message":"too old","reason":"Expired","#
                + #""details":{"retryAfterSeconds":3,"causes":[{"reason":"r","message":"m","field":"f"}]},"code":410}}"#
                + "\n",
        ]
        func run(_ pieces: [[UInt8]]) -> String {
            var decoder = WatchDecoder<PartialObject>(operation: "watch", maximumLine: 32 << 10)
            var seen = 0
            do throws(KubeError) {
                for piece in pieces {
                    decoder.feed(piece)
                    while try decoder.next() != nil { seen += 1 }
                }
                if try decoder.finish() != nil { seen += 1 }
                return "\(seen)"
            } catch {
                #expect(Self.isShowable("\(error)"))
                return "\(seen), then \(error)"
            }
        }
        var random = SeededRandom(seed: 3)
        try fuzz(corpus) { bytes in
            let split = Int.random(in: 0...bytes.count, using: &random)
            #expect(run([bytes]) == run([Array(bytes[..<split]), Array(bytes[split...])]))
        }
    }

    @Test("Lists, statuses and Retry-After: a page, or an error that can be shown")
    func answers() throws {
        let corpus = [
            #"{"kind":"ConfigMapList","metadata":{"resourceVersion":"9","continue":"abc"},"items":[\#(Self.objects[0])]}"#,
            #"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"a\u001b[31mb\r\n","reason":"Conflict","#
                + #""details":{"retryAfterSeconds":9223372036854775807,"causes":[{"reason":"FieldManagerConflict","#
                + #""message":"conflict with \"kubectl\\\"\" using v1","field":".metadata.labels.a\u0007"}]},"code":409}"#,
            "Sun, 06 Nov 1994 08:49:37 GMT", "120", "<html>\u{1b}]0;x\u{07}</html>",
        ]
        let request = KubeCollection(ConfigMap.resourceType).request("list")
        let now = Instant(secondsSince1970: 784_111_777)
        try fuzz(corpus) { bytes in
            if let json = try? JSON(parsing: bytes) {
                do throws(KubeError) {
                    _ = try ListAnswer.page(json, request) as ListPage<PartialObject>
                } catch {
                    #expect(Self.isShowable("\(error)"), "\(error)")
                }
            }
            let header = HTTPHeaders(
                dictionaryLiteral: ("Retry-After", String(decoding: bytes.prefix(64), as: UTF8.self)))
            let status = APIStatus(answer: 409, headers: header, body: bytes, now: now)
            let error = KubeError(operation: "apply", cause: .status(status))
            #expect((error.retryAfter ?? .zero) <= .seconds(RetryAfter.maximum))
            #expect(
                status.message.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control })
            for conflict in error.conflicts {
                #expect(Self.isShowable(conflict.description), "\(conflict)")
            }
        }
    }

    @Test("Kubeconfig: an endpoint, or a failure without a password")
    func kubeconfig() throws {
        let corpus = [
            """
            apiVersion: v1
            kind: Config
            current-context: main
            clusters: [{name: c, cluster: {server: 'https://10.0.0.1:6443', proxy-url: 'http://u:hunter2@proxy:3128'}}]
            contexts: [{name: main, context: {cluster: c, user: u, namespace: flyte}}]
            users: [{name: u, user: {token: hunter2hunter2}}]
            """
        ]
        try fuzz(corpus, rounds: 1_000) { bytes in
            do throws(EndpointFailure) {
                let config = try Kubeconfig(parsing: bytes, file: "/x/config")
                let endpoint = try config.endpoint()
                #expect(endpoint.proxyURL?.contains("@") != true)
            } catch {
                #expect(Self.isShowable(error.description))
            }
        }
    }

    @Test("The URL of a request is strict, whatever it is")
    func targets() throws {
        try fuzz(["https://10.0.0.1:6443/api?x=y", "http://[::1]:80", "https://a.b.svc/%20"]) { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            var request = HTTPRequest(.get, text)
            request.headers = ["A": text]
            _ = HostNames.isAddressInDisguise(text)
            _ = text.utf8.percentDecoded
            _ = Redaction([Sensitive("secret-of-16-bytes")]).clean(text)
        }
    }
}
