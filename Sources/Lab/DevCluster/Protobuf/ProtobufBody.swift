import JSON
import KubeObjects
import Support

/// A body in `application/vnd.kubernetes.protobuf`, the only form that kubectl's typed clients send. It is turned into
/// JSON before all else. Answers are JSON, which those clients accept as well.
enum ProtobufBody {
    static let mediaType = "application/vnd.kubernetes.protobuf"

    /// The request with a JSON body. Other requests stay as they are, and so does a body of an unknown type (415 then).
    static func translated(_ request: APIRequest) -> APIRequest {
        guard request.headers["content-type"]?.hasPrefix(mediaType) == true, let json = json(of: request.body) else {
            return request
        }
        var translated = request
        translated.headers["content-type"] = "application/json"
        translated.body = json.serialized()
        return translated
    }

    /// Nil for a body that can't be read.
    static func json(of body: [UInt8]) -> JSON? {
        // "k8s\0", then runtime.Unknown: {1: {1: apiVersion, 2: kind}, 2: the object}.
        guard body.starts(with: [0x6b, 0x38, 0x73, 0x00]) else { return nil }
        do throws(ProtobufReader.Malformed) {
            var envelope = ProtobufReader(body.dropFirst(4))
            var (apiVersion, kind): (String, String) = ("", "")
            var object = ArraySlice<UInt8>()
            while let (number, value) = try envelope.next() {
                guard case .bytes(let bytes) = value else { continue }
                if number == 2 { object = bytes }
                guard number == 1 else { continue }
                var typeMeta = ProtobufReader(bytes)
                while let (number, value) = try typeMeta.next() {
                    guard case .bytes(let text) = value else { continue }
                    if number == 1 { apiVersion = String(decoding: text, as: UTF8.self) }
                    if number == 2 { kind = String(decoding: text, as: UTF8.self) }
                }
            }
            guard case .message(let fields)? = ProtobufType.named(apiVersion: apiVersion, kind: kind) else {
                return nil
            }
            var json = try message(object, fields)
            json["apiVersion"] = .string(apiVersion)
            json["kind"] = .string(kind)
            return json
        } catch {
            return nil
        }
    }

    private static func message(
        _ bytes: ArraySlice<UInt8>, _ fields: [UInt64: (name: String, type: ProtobufType)]
    ) throws(ProtobufReader.Malformed) -> JSON {
        var reader = ProtobufReader(bytes)
        var members: [String: JSON] = [:]
        while let (number, value) = try reader.next() {
            guard let (name, type) = fields[number] else { continue }
            switch type {
            case .list(let element):
                guard let item = try single(value, element, isElement: true) else { continue }
                members[name] = .array((members[name]?.array ?? []) + [item])
            case .map(let element):
                guard let (key, item) = try entry(value, element) else { continue }
                var map = members[name] ?? [:]
                members[name] = nil
                map[key] = item
                members[name] = map
            default:
                if let item = try single(value, type, isElement: false) { members[name] = item }
            }
        }
        return .object(members)
    }

    private static func entry(
        _ value: ProtobufReader.Value, _ type: ProtobufType
    ) throws(ProtobufReader.Malformed) -> (String, JSON)? {
        guard case .bytes(let bytes) = value else { throw ProtobufReader.Malformed() }
        var reader = ProtobufReader(bytes)
        var key = ""
        var item: JSON = ""
        while let (number, value) = try reader.next() {
            if number == 1, case .bytes(let text) = value { key = String(decoding: text, as: UTF8.self) }
            if number == 2 { item = try single(value, type, isElement: true) ?? "" }
        }
        return (key, item)
    }

    /// Nil for an empty value, which Go's encoder writes all the same. With `isElement` it is in a list or map, where
    /// an empty text counts.
    private static func single(
        _ value: ProtobufReader.Value, _ type: ProtobufType, isElement: Bool
    ) throws(ProtobufReader.Malformed) -> JSON? {
        switch (type, value) {
        case (.string, .bytes(let bytes)):
            return bytes.isEmpty && !isElement ? nil : .string(String(decoding: bytes, as: UTF8.self))
        case (.bytes, .bytes(let bytes)): return .string(Base64.encode(bytes))
        case (.bool, .integer(let number)): return .bool(number != 0)
        case (.flag, .integer(let number)): return number == 0 ? nil : true
        case (.quantity, .bytes(let bytes)):
            var reader = ProtobufReader(bytes)
            guard case (1, .bytes(let text))? = try reader.next() else { return "0" }
            return .string(String(decoding: text, as: UTF8.self))
        case (.intOrString, .bytes(let bytes)): return try intOrString(bytes)
        case (.integer(let keepsZero), .integer(let number)):
            return number == 0 && !keepsZero ? nil : .int(Int64(bitPattern: number))
        case (.time, .bytes(let bytes)): return try instant(bytes).map { .string(Timestamp($0).description) }
        case (.microTime, .bytes(let bytes)): return try instant(bytes).map { .string(MicroTimestamp($0).description) }
        case (.rawJSON, .bytes(let bytes)):
            var reader = ProtobufReader(bytes)
            guard case (1, .bytes(let text))? = try reader.next() else { return nil }
            return try? JSON(parsing: Array(text))
        case (.message(let fields), .bytes(let bytes)): return try message(bytes, fields)
        default: throw ProtobufReader.Malformed()
        }
    }

    private static func intOrString(_ bytes: ArraySlice<UInt8>) throws(ProtobufReader.Malformed) -> JSON {
        var reader = ProtobufReader(bytes)
        var (isText, number, text): (Bool, Int64, String) = (false, 0, "")
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .integer(let kind)): isText = kind == 1
            case (2, .integer(let value)): number = Int64(bitPattern: value)
            case (3, .bytes(let bytes)): text = String(decoding: bytes, as: UTF8.self)
            default: break
            }
        }
        return isText ? .string(text) : .int(number)
    }

    private static func instant(_ bytes: ArraySlice<UInt8>) throws(ProtobufReader.Malformed) -> Instant? {
        var reader = ProtobufReader(bytes)
        var (seconds, nanoseconds): (Int64, Int64) = (0, 0)
        while let (number, value) = try reader.next() {
            guard case .integer(let integer) = value else { continue }
            if number == 1 { seconds = Int64(bitPattern: integer) }
            if number == 2 { nanoseconds = Int64(bitPattern: integer) }
        }
        // These are the years that an RFC 3339 time can name. Go's zero time lies before them and means no time.
        guard bytes.isEmpty == false, (-62_135_596_799...253_402_300_799).contains(seconds) else { return nil }
        return Instant(secondsSince1970: Double(seconds) + Double(nanoseconds) / 1e9)
    }
}
