/// Answers over HTTP/2 that are worth keeping: right ones in odd forms, wrong ones, and floods.
struct FrameCase: Sendable {
    enum Outcome: Sendable { case answers, fails, either }
    var name: String
    var outcome: Outcome
    var script: FrameScript

    private init(
        _ name: String, _ outcome: Outcome, _ frames: [Frame], endless: [Frame] = [], piece: Int? = nil,
        closes: Bool = false
    ) {
        self.name = name
        self.outcome = outcome
        script = FrameScript(once: [.settings()] + frames, endless: endless, piece: piece, closes: closes)
    }

    static let all = odd + wrongFrames + wrongHeaders + wrongSettings + floods

    private static let whole: [Frame] = [.headers(HeaderBlock.ok), .data("{}", flags: Frame.endStream)]
    private static let last = Frame.endStream | Frame.endHeaders
    private static let x = HeaderBlock.field("x", "y")

    /// All of these are answers.
    private static let odd: [FrameCase] = [
        FrameCase("whole", .answers, whole),
        FrameCase("in pieces of 1 byte", .answers, whole, piece: 1),
        FrameCase("without a body", .answers, [.headers(HeaderBlock.ok, flags: last)]),
        FrameCase(
            "padded DATA and HEADERS, with a priority", .answers,
            [
                .headers(
                    [4] + Frame.number(0x8000_0000) + [9] + HeaderBlock.ok + [0, 0, 0, 0],
                    flags: Frame.endHeaders | Frame.padded | Frame.priority),
                Frame(type: 0, flags: Frame.padded, stream: 1, payload: [255] + [UInt8](repeating: 0, count: 255)),
                Frame(type: 0, flags: Frame.padded | Frame.endStream, stream: 1, payload: [2, 0x7b, 0x7d, 0, 0]),
            ]),
        FrameCase(
            "a header block in three frames", .answers,
            [.headers(HeaderBlock.ok, flags: 0), .continuation(x), .continuation(x, flags: Frame.endHeaders)]
                + whole.dropFirst()),
        FrameCase(
            "unknown frames between", .answers,
            [Frame(type: 0x0b, flags: 255, stream: 1, payload: [1, 2, 3]), whole[0], Frame(type: 255, stream: 9)]
                + whole.dropFirst()),
        FrameCase("interim answers before", .answers, [.headers(HeaderBlock.status("103") + x)] + whole),
        FrameCase("trailers", .answers, [whole[0], .data("{}"), .headers(x, flags: last)]),
        FrameCase("empty DATA before", .answers, [whole[0]] + (0..<100).map { _ in .data() } + whole.dropFirst()),
        FrameCase(
            "PING, WINDOW_UPDATE, PRIORITY between", .answers,
            [
                .ping(), whole[0], .window(1), .window(1, stream: 1),
                Frame(type: 2, stream: 1, payload: [0, 0, 0, 0, 1]), .ping(flags: Frame.ack),
            ] + whole.dropFirst()),
        FrameCase("GOAWAY that spares the request", .answers, [.goAway(last: 1)] + whole),
        FrameCase("GOAWAY between head and body", .answers, [whole[0], .goAway(last: 1, "bye")] + whole.dropFirst()),
        FrameCase("frames after the end", .answers, whole + [.ping(), .window(5), .data("late")], closes: true),
        FrameCase(
            "odd but allowed settings", .answers,
            [.settings([(1, 0), (2, 0), (3, 0x7fff_ffff), (4, 0), (5, 0xff_ffff), (6, 1), (0xabcd, 7)])] + whole),
    ]

    private static func fail(_ name: String, _ frames: [Frame]) -> FrameCase { FrameCase(name, .fails, frames) }

    private static let wrongFrames: [FrameCase] =
        [
            FrameCase("nothing, and the end", .fails, [], closes: true),
            FrameCase("a head, and the end", .fails, [whole[0], .data("{")], closes: true),
            FrameCase(
                "a frame that is longer than what comes", .fails, [Frame(type: 0, stream: 1, stated: 16_000)],
                closes: true),
            fail("a frame of 16 MB", [whole[0], Frame(type: 0, stream: 1, stated: 0xff_ffff)]),
            fail(
                "text of HTTP/1.1",
                [Frame(type: 0x54, flags: 0x50, payload: Array("HTTP/1.1 200 OK\r\n\r\n".utf8), stated: 0x48_5454)]),
            fail("SETTINGS of 5 bytes", [Frame(type: 4, payload: [0, 1, 0, 0, 0])]),
            fail("SETTINGS of a stream", [Frame(type: 4, stream: 1)]),
            fail("SETTINGS acknowledged with a payload", [.settings([(1, 1)], flags: Frame.ack)]),
            fail("PING of 7 bytes", [Frame(type: 6, payload: [UInt8](repeating: 0, count: 7))]),
            fail("PING of a stream", [Frame(type: 6, stream: 1, payload: [UInt8](repeating: 0, count: 8))]),
            fail("RST_STREAM of 3 bytes", [Frame(type: 3, stream: 1, payload: [0, 0, 0])]),
            fail("RST_STREAM of stream 0", [.reset(0, stream: 0)]),
            fail("RST_STREAM of a stream that is not open", [.reset(0, stream: 77)]),
            fail("WINDOW_UPDATE of 3 bytes", [Frame(type: 8, payload: [0, 0, 1])]),
            fail("WINDOW_UPDATE of 0", [.window(0)]),
            fail("a window that overflows", [.window(0x7fff_ffff), .window(0x7fff_ffff)]),
            fail("the request's window overflows", [.window(0x7fff_ffff, stream: 1), .window(0x7fff_ffff, stream: 1)]),
            fail("GOAWAY of 7 bytes", [Frame(type: 7, payload: [UInt8](repeating: 0, count: 7))]),
            fail("GOAWAY of a stream", [Frame(type: 7, stream: 1, payload: [UInt8](repeating: 0, count: 8))]),
            fail("GOAWAY that refuses the request", [.goAway(last: 0)]),
            fail("GOAWAY that takes back more than before", [.goAway(last: 1), .goAway(last: 9)]),
            fail("DATA of stream 0", [whole[0], .data("x", stream: 0)]),
            fail("DATA before HEADERS", [.data("x")]),
            fail("DATA of a stream that is not open", [whole[0], .data("x", stream: 99)]),
            fail(
                "more padding than payload", [whole[0], Frame(type: 0, flags: Frame.padded, stream: 1, payload: [9])]),
            fail("padding without its length", [Frame(type: 1, flags: Frame.padded, stream: 1)]),
            fail("HEADERS of stream 0", [.headers(HeaderBlock.ok, stream: 0)]),
            fail("HEADERS of the server's own stream", [.headers(HeaderBlock.ok, stream: 2)]),
            fail("CONTINUATION without HEADERS", [.continuation(HeaderBlock.ok, flags: Frame.endHeaders)]),
            fail("PING within a header block", [.headers(HeaderBlock.ok, flags: 0), .ping()]),
            fail(
                "CONTINUATION of another stream", [.headers(HeaderBlock.ok, flags: 0), .continuation(x, stream: 3)]),
            fail("PUSH_PROMISE", [.push(2, HeaderBlock.ok)]),
        ] + [0, 1, 2, 7, 8, 11, 13, 0xffff_ffff].map { fail("RST_STREAM with code \($0)", [.reset($0)]) }

    private static func head(_ name: String, _ block: [UInt8]) -> FrameCase {
        fail(name, [.headers(block, flags: last)])
    }

    private static let wrongHeaders: [FrameCase] = [
        head("no header field", []),
        head("no :status", x),
        head("two :status", HeaderBlock.ok + HeaderBlock.ok),
        head("a :status that is not a number", HeaderBlock.status("2x0")),
        head("a :status of many digits", HeaderBlock.status(String(repeating: "9", count: 200))),
        head(":status after a field", x + HeaderBlock.ok),
        head("a :path in an answer", HeaderBlock.ok + HeaderBlock.field(":path", "/")),
        head("an index of 0", [0x80]),
        head("an index beyond the table", [0xff, 0x80, 0x01]),
        head("a number without end", [UInt8](repeating: 0xff, count: 64)),
        head("a table larger than allowed", [0x3f, 0xff, 0xff, 0x7f] + HeaderBlock.ok),
        head("a text longer than its block", HeaderBlock.ok + [0, 1, 0x61, 0x7f]),
        head("Huffman padding of 8 bits", HeaderBlock.ok + [0, 1, 0x61, 0x81, 0xff]),
        head("Huffman's end of string", HeaderBlock.ok + [0, 1, 0x61, 0x84, 0xff, 0xff, 0xff, 0xff]),
        fail(
            "fields from the table, 4 KB for each byte",
            [
                .headers(
                    HeaderBlock.ok + HeaderBlock.field("x", String(repeating: "y", count: 4_000), first: 0x40)
                        + [UInt8](repeating: 0xbe, count: 8_000), flags: last)
            ]),
        fail(
            "a head of 1 MB",
            [.headers(HeaderBlock.ok, flags: 0)]
                + (0..<64).map { _ in .continuation(HeaderBlock.field("x", String(repeating: "y", count: 16_000))) }),
        fail(
            "more DATA than content-length says",
            [
                .headers(HeaderBlock.ok + HeaderBlock.field("content-length", "1")),
                .data("{}", flags: Frame.endStream),
            ]),
        fail(
            "less DATA than content-length says",
            [
                .headers(HeaderBlock.ok + HeaderBlock.field("content-length", "9")),
                .data("{}", flags: Frame.endStream),
            ]),
        head(
            "a content-length beyond all numbers",
            HeaderBlock.ok + HeaderBlock.field("content-length", "99999999999999999999")),
        fail("an interim answer that ends the stream", [.headers(HeaderBlock.status("100"), flags: last)]),
        fail("trailers with a :status", whole.dropLast() + [.headers(HeaderBlock.ok, flags: last)]),
    ]

    private static let wrongSettings: [FrameCase] = [
        fail("a window beyond 2^31", [.settings([(4, 0x8000_0000)])]),
        fail("frames smaller than allowed", [.settings([(5, 0)])]),
        fail("frames larger than allowed", [.settings([(5, 0x100_0000)])]),
        fail("push is 2", [.settings([(2, 2)])]),
        fail("no stream is allowed", [.settings([(3, 0)])]),
    ]

    private static func flood(
        _ name: String, _ before: [Frame] = [], _ endless: Frame..., outcome: Outcome = .fails
    ) -> FrameCase {
        FrameCase("endless \(name)", outcome, before, endless: endless)
    }

    private static let floods: [FrameCase] = [
        flood("CONTINUATION, empty", [.headers(HeaderBlock.ok, flags: 0)], .continuation([])),
        flood("CONTINUATION, with fields", [.headers(HeaderBlock.ok, flags: 0)], .continuation(x)),
        flood("SETTINGS", [], .settings([(3, 100)])),
        flood("SETTINGS acknowledged", [], .settings(flags: Frame.ack)),
        flood("PING", [], .ping()),
        flood("PING acknowledged", [], .ping(flags: Frame.ack)),
        flood("PRIORITY", [], Frame(type: 2, stream: 1, payload: [0, 0, 0, 0, 1])),
        flood("RST_STREAM", [.reset(8)], .reset(8)),
        flood("GOAWAY", [], .goAway(last: 1)),
        flood("WINDOW_UPDATE", [], .window(1)),
        flood("unknown frames", [], Frame(type: 99, payload: [1, 2, 3])),
        flood("empty DATA", [whole[0]], .data()),
        flood("DATA that is padding", [whole[0]], Frame(type: 0, flags: 8, stream: 1, payload: [1, 0])),
        flood("DATA of 1 byte", [whole[0]], .data("x")),
        flood("interim answers", [], .headers(HeaderBlock.status("103") + x)),
        flood("trailers", [whole[0]], .headers(x), outcome: .either),
        flood("pushes", [], .push(2, HeaderBlock.ok)),
        flood("bytes of zero", [], Frame(type: 0)),
    ]
}
