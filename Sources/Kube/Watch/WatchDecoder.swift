import HTTP
import JSON
import KubeObjects
import Support

/// Makes events from the bytes of a watch. A pure value.
///
/// The stream is one JSON object a line: `{"type": …, "object": …}`.
struct WatchDecoder<Object: KubeObject> {
    private var lines: LineBuffer
    private let operation: String
    private let limits: JSON.Limits
    /// The length of the last event.
    private(set) var lastBytes = 0
    /// The lengths of what was skipped since the last `takeSkipped`.
    private var skipped: [Int] = []
    private var blankLines = 0

    private let wipes: Bool
    private let token: Sensitive?

    /// With `wipes`, the bytes hold Secrets and are zeroed after reading. `token` is the token of the watch's request,
    /// which no ERROR event may repeat.
    init(
        operation: String, maximumLine: Int, limits: AnswerLimits = AnswerLimits(), wipes: Bool = false,
        token: Sensitive? = nil
    ) {
        self.operation = operation
        self.wipes = wipes
        self.token = token
        lines = LineBuffer(limit: maximumLine, wipes: wipes)
        self.limits = limits.json(bytes: maximumLine)
    }

    mutating func feed(_ bytes: [UInt8]) { lines.feed(bytes) }

    /// The next event of the bytes so far. Nil if it needs more bytes.
    mutating func next() throws(KubeError) -> WatchEvent<Object>? {
        let limits = limits
        while true {
            // This must be the only variable that ever holds the value, since a value with a second holder can't be
            // zeroed.
            var json = JSON.null
            var problem: JSON.SyntaxError?
            let isBlank: Bool?
            var length = 0
            do {
                isBlank = try lines.next { bytes -> Bool in
                    guard !bytes.isBlank else { return true }
                    length = bytes.count
                    do throws(JSON.SyntaxError) {
                        json = try JSON(parsing: bytes, limits: limits)
                    } catch {
                        problem = error
                    }
                    return false
                }
            } catch {
                throw unexpected("an event is longer than \(lines.limit) bytes")
            }
            guard let isBlank else { return nil }
            if isBlank {
                blankLines += 1
                continue
            }
            lastBytes = length
            if let problem { throw unexpected("an event is not JSON: \(problem.message)") }
            defer { if wipes { json.wipe() } }
            if let event = try event(json) { return event }
            skipped.append(length)
        }
    }

    /// The lengths of the events of unknown types that were skipped, and the number of blank lines as one length. They
    /// cost time as events do, so they count against the server's budget.
    mutating func takeSkipped() -> [Int] {
        if blankLines > 0 { skipped.append(blankLines) }
        defer { (skipped, blankLines) = ([], 0) }
        return skipped
    }

    /// Call it at the end of the stream. It returns the last event, if only its line break is missing.
    mutating func finish() throws(KubeError) -> WatchEvent<Object>? {
        var rest = lines.rest()
        defer { if wipes { rest.wipe() } }
        guard !rest.withUnsafeBytes(\.isBlank) else { return nil }
        guard var json = try? JSON(parsing: rest, limits: limits) else {
            throw KubeError(
                operation: operation,
                cause: .transport(
                    HTTPError(
                        .connectionLost, "the watch was cut in the middle of an event", mayHaveBeenProcessed: false)))
        }
        defer { if wipes { json.wipe() } }
        return try event(json)
    }

    /// Nil for an unknown type, since newer servers may have more.
    private func event(_ json: JSON) throws(KubeError) -> WatchEvent<Object>? {
        guard let type = json["type"]?.string, let object = json["object"] else {
            throw unexpected("an event has no type or no object")
        }
        switch type {
        case "ADDED", "MODIFIED": return .applied(try decode(object, type))
        case "DELETED": return .deleted(try decode(object, type))
        case "BOOKMARK":
            guard let version = object[path: ["metadata", "resourceVersion"]]?.string, !version.isEmpty else {
                throw unexpected("a bookmark has no resourceVersion")
            }
            return .bookmark(resourceVersion: version)
        case "ERROR":
            guard let status = APIStatus(json: object.redacting(token)) else {
                throw unexpected("an ERROR event holds no Status")
            }
            throw KubeError(operation: operation, cause: .status(status))
        default: return nil
        }
    }

    private func decode(_ object: JSON, _ type: String) throws(KubeError) -> Decoded<Object> {
        let decoded: Decoded<Object>
        do {
            decoded = try Decoded(json: object)
        } catch {
            throw unexpected("a \(type) event's object has unusable metadata: \(error)")
        }
        guard decoded.metadata.resourceVersion != nil else {
            throw unexpected("a \(type) event's object has no resourceVersion: the watch could not be resumed after it")
        }
        return decoded
    }

    private func unexpected(_ text: String) -> KubeError {
        KubeError(operation: operation, cause: .unexpectedAnswer(text))
    }
}

extension UnsafeRawBufferPointer {
    var isBlank: Bool { allSatisfy { $0 == UInt8(ascii: " ") || (9...13).contains($0) } }
}
