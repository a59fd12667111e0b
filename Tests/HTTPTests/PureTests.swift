import CCurl
import Support
import Testing

@testable import HTTP

@Suite struct PureTests {
    @Test("URLs are parsed as written, or not at all")
    func targets() {
        let target = RequestTarget("https://[::1]:6443/api?x=1")
        #expect(target?.host == "::1" && target?.port == 6443 && target?.authority == "[::1]:6443")
        #expect(target?.rest == "/api?x=1")
        #expect(target?.url(serverName: "kubernetes") == "https://kubernetes:6443/api?x=1")
        #expect(target?.connectTo == "::[::1]:6443")
        #expect(RequestTarget("HTTPS://a.b-c")?.port == 443)
        #expect(RequestTarget("http://a?x")?.rest == "?x")
        for url in [
            "", "https:/a", "https://", "https://:1/", "https://a:/", "https://a:0/", "https://a:65536/",
            "https://a:1x/",
            "https://a@b/", "https://[::1/", "https://[]/", "https://[::1]x/", "https://ü/", "https://a b/",
            "https://a/\u{7f}", "https://a\\b/", "https://a#f", "//a/", "https://2130706433/", "https://0x7f000001/",
            "https://127.1/", "https://0177.0.0.1:6443/", "https://127.0.0.1./",
        ] {
            #expect(RequestTarget(url) == nil, "\(url)")
        }
    }

    @Test("Each timeout runs on its own clock, and none while the reader is behind")
    func clock() {
        let second: UInt64 = 1_000_000_000
        let limits = HTTPTimeouts(connect: .seconds(1), firstByte: .seconds(2), idle: .seconds(3), total: .seconds(100))
        var clock = TransferClock(limits, start: 10 * second)
        #expect(clock.expiry(hasConnected: false) == .init(at: 11 * second, phase: .connect))
        #expect(clock.expiry(hasConnected: true) == .init(at: 12 * second, phase: .firstByte))
        clock.beginsConnecting(11 * second)
        #expect(clock.expiry(hasConnected: true) == .init(at: 12 * second, phase: .connect))
        #expect(!clock.wasSent)
        clock.requestGoesOut(20 * second)
        #expect(clock.wasSent && clock.expiry(hasConnected: true) == .init(at: 22 * second, phase: .firstByte))
        clock.receives(30 * second)
        #expect(clock.expiry(hasConnected: true) == .init(at: 33 * second, phase: .idle))
        clock.pauses()
        #expect(clock.expiry(hasConnected: true) == .init(at: 110 * second, phase: .total))
        clock.receives(109 * second)
        #expect(clock.expiry(hasConnected: true) == .init(at: 110 * second, phase: .total))
        let never = HTTPTimeouts(connect: nil, firstByte: nil, idle: nil, total: .seconds(Int64.max / 4))
        #expect(TransferClock(never, start: 1).expiry(hasConnected: false)?.at == .max)
    }

    @Test("libcurl's connect time ends after ours, so a second address still has its turn")
    func connectMilliseconds() {
        func milliseconds(connect: Duration?, total: Duration? = nil) -> Int {
            EasyOptions.connectMilliseconds(HTTPTimeouts(connect: connect, total: total))
        }
        #expect(milliseconds(connect: .seconds(10)) == 11_000)
        #expect(milliseconds(connect: .seconds(3), total: .seconds(3)) == 3750)
        #expect(milliseconds(connect: .seconds(10), total: .milliseconds(500)) == 625)
        #expect(milliseconds(connect: nil, total: .seconds(60)) == 61_000)
        #expect(milliseconds(connect: .zero) == 1)
        #expect(milliseconds(connect: nil) == Int(Int32.max))
        #expect(milliseconds(connect: .seconds(Int64.max)) == Int(Int32.max))
    }

    @Test("Timers come out in order, whatever was moved or cancelled")
    func timers() {
        var heap = TimerHeap()
        var random = SystemRandomNumberGenerator()
        var timers: [Timer] = []
        for _ in 0..<500 {
            let timer = Timer {}
            timers.append(timer)
            heap.schedule(timer, at: .random(in: 0...10_000, using: &random))
        }
        for timer in timers.prefix(200) { heap.schedule(timer, at: .random(in: 0...10_000, using: &random)) }
        for timer in timers.suffix(150) { heap.cancel(timer) }
        var last: UInt64 = 0
        var count = 0
        while let timer = heap.popDue(9_000) {
            #expect(timer.deadline >= last && timer.deadline <= 9_000 && !timer.isScheduled)
            last = timer.deadline
            count += 1
        }
        #expect(count == timers.prefix(350).filter { $0.deadline <= 9_000 }.count)
        #expect(heap.earliest.map { $0 > 9_000 } ?? true)
    }

    @Test("A head is read from its lines, interim answers left out, trailers ignored")
    func heads() {
        func feed(_ parser: inout HeadParser, _ line: String) -> ResponseHead? {
            var line = line
            return line.withUTF8 { bytes in
                if case .complete(let head) = parser.take(UnsafeRawBufferPointer(bytes)) { head } else { nil }
            }
        }
        var parser = HeadParser()
        for line in ["HTTP/1.1 103 Early\r\n", "Link: x\r\n", "\r\n", "HTTP/2 200 \r\n", "A:  b \r\n", "garbage\r\n"] {
            #expect(feed(&parser, line) == nil)
        }
        let head = feed(&parser, "\r\n")
        #expect(head?.status == 200 && head?.headers.fields.map(\.name) == ["A"] && head?.headers["a"] == "b")
        #expect(feed(&parser, "trailer: x\r\n") == nil && parser.isComplete)
    }

    @Test("OpenSSL's results become the kinds that a condition can name")
    func verdicts() {
        func kind(_ code: CURLcode, _ verify: Int = 0) -> HTTPError.Kind {
            FailureFacts(code: code, verifyResult: verify, host: "h", port: 1).error.kind
        }
        #expect(kind(CURLE_PEER_FAILED_VERIFICATION, 10) == .tlsExpired)
        #expect(kind(CURLE_PEER_FAILED_VERIFICATION, 9) == .tlsExpired)
        for code in [18, 19, 20, 21] { #expect(kind(CURLE_PEER_FAILED_VERIFICATION, code) == .tlsUntrusted) }
        for code in [0, 1, 62, 64] { #expect(kind(CURLE_PEER_FAILED_VERIFICATION, code) == .tlsNameMismatch) }
        #expect(kind(CURLE_SSL_CACERT_BADFILE) == .tlsUntrusted)
        #expect(kind(CURLE_SSL_CONNECT_ERROR) == .tlsFailed)
        let cutOff = "Recv failure: Connection reset by peer"
        #expect(
            FailureFacts(code: CURLE_SSL_CONNECT_ERROR, verifyResult: 1, detail: cutOff, host: "h", port: 1).error.kind
                == .connectFailed)
        #expect(kind(CURLE_COULDNT_RESOLVE_HOST) == .dnsFailed)
        let refused = FailureFacts(code: CURLE_COULDNT_CONNECT, systemError: 111, host: "10.0.0.1", port: 6443).error
        #expect(refused.message == "could not connect to 10.0.0.1 port 6443: Connection refused")
        #expect(refused.kind == .connectFailed && !refused.mayHaveBeenProcessed)
        let longHeader = FailureFacts(code: CURLE_OUT_OF_MEMORY, host: "h", port: 1).error
        #expect(longHeader.message.contains("a header line of more than 100 KB"), "libcurl calls it out of memory")
    }

    @Test("A TLS failure is an https proxy's before its answer, and the server's after it")
    func proxyVerdicts() {
        func error(_ code: CURLcode, detail: String = "", answer: Int = 0, wasSent: Bool = false) -> HTTPError {
            FailureFacts(
                code: code, verifyResult: 10, proxyVerifyResult: 20, detail: detail, host: "h", port: 1,
                proxyURL: "https://proxy:3128", proxyAnswer: answer, wasSent: wasSent
            ).error
        }
        let untrusted = error(CURLE_PEER_FAILED_VERIFICATION, detail: "self-signed")
        #expect(untrusted.kind == .proxyFailed && !untrusted.mayHaveBeenProcessed)
        #expect(untrusted.message == "h port 1: the proxy's certificate is not trusted: self-signed")
        #expect(error(CURLE_PEER_FAILED_VERIFICATION, answer: 200).kind == .tlsExpired)
        #expect(error(CURLE_SSL_CONNECT_ERROR, detail: "wrong version number").kind == .proxyFailed)
        #expect(error(CURLE_SSL_CONNECT_ERROR, detail: "unexpected eof").kind == .proxyFailed)
        #expect(error(CURLE_SSL_CONNECT_ERROR, answer: 200).kind == .tlsFailed)
        let alert = "tlsv13 alert certificate required"
        #expect(error(CURLE_RECV_ERROR, detail: alert).kind == .proxyFailed)
        // On a kept connection there is no handshake with anybody.
        #expect(error(CURLE_RECV_ERROR, detail: alert, wasSent: true).kind == .tlsFailed)
        let plain = FailureFacts(
            code: CURLE_PEER_FAILED_VERIFICATION, verifyResult: 10, host: "h", port: 1, proxyURL: "http://proxy:3128")
        #expect(plain.error.kind == .tlsExpired)
    }

    @Test("A lost connection is reported in libcurl's words, since the errno may be older")
    func lostConnections() {
        // 101: network unreachable.
        var facts = FailureFacts(
            code: CURLE_PARTIAL_FILE, systemError: 101, host: "h", port: 1, wasSent: true)
        #expect(facts.error.kind == .connectionLost && facts.error.mayHaveBeenProcessed)
        #expect(facts.error.message == "the connection to h port 1 was lost: Transferred a partial file")
        facts.detail = "transfer closed with 995 bytes remaining to read"
        #expect(facts.error.message.hasSuffix("was lost: transfer closed with 995 bytes remaining to read"))
        // A connection through a proxy that libcurl took for ready: the request was announced, but nothing was sent.
        facts.code = CURLE_FAILED_INIT
        facts.detail = "[CONN-1-0] send: no filter connected"
        #expect(facts.error.kind == .connectionLost && !facts.error.mayHaveBeenProcessed)
        facts.detail = "[CONN-1-0] recv: no filter connected"
        #expect(facts.error.kind == .connectionLost && facts.error.mayHaveBeenProcessed)
    }
}
