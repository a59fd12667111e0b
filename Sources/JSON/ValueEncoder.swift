/// A value that can't be written as JSON: a number that is not finite, or a type whose own `encode` failed.
public struct EncodingFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The path from the outermost value, as in `DecodingFailure`.
    public var path: String
    public var message: String

    public init(path: String, message: String) {
        self.path = path
        self.message = message
    }
    public var description: String { path.isEmpty ? message : "\(path): \(message)" }
}

extension JSON {
    /// The value of an `Encodable` type. Members that are nil are left out. A `JSON` inside is taken as it is.
    public init(encoding value: some Encodable) throws(EncodingFailure) {
        do {
            self = try ValueEncoder.encode(value, at: .root)
        } catch {
            switch error {
            case let error as EncodingFailure: throw error
            case EncodingError.invalidValue(_, let context):
                throw EncodingFailure(path: CodingPath.text(context.codingPath), message: context.debugDescription)
            default: throw EncodingFailure(path: "", message: "\(error)")
            }
        }
    }
}

/// Gathers the result of an encoder. It is a class because the containers that it hands out write to it after they were
/// copied.
final class EncodingSlot {
    var value: JSON?
    private var members: [String: JSON]?
    private var elements: [JSON]?
    /// What hand-made nested containers and super encoders write. It is joined in at the end.
    private var nestedMembers: [String: EncodingSlot] = [:]
    private var nestedElements: [Int: EncodingSlot] = [:]

    var count: Int { elements?.count ?? 0 }
    func beginObject() { if members == nil { members = [:] } }
    func beginArray() { if elements == nil { elements = [] } }
    func set(_ value: JSON, _ key: String) { members?[key] = value }
    func append(_ value: JSON) { elements?.append(value) }

    func nest(_ key: String) -> EncodingSlot {
        let slot = nestedMembers[key] ?? EncodingSlot()
        nestedMembers[key] = slot
        return slot
    }
    func nestElement() -> EncodingSlot {
        let slot = EncodingSlot()
        nestedElements[count] = slot
        append(.null)
        return slot
    }

    /// An encoder that never asked for a container wrote an empty object, as in Foundation.
    var result: JSON {
        if let value { return value }
        if var elements {
            for (index, slot) in nestedElements { elements[index] = slot.result }
            return .array(elements)
        }
        var members = members ?? [:]
        for (key, slot) in nestedMembers { members[key] = slot.result }
        return .object(members)
    }
}

struct ValueEncoder: Encoder {
    let slot: EncodingSlot
    let path: CodingPath
    var codingPath: [any CodingKey] { path.keys }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    static func encode<T: Encodable>(_ value: T, at path: @autoclosure () -> CodingPath) throws -> JSON {
        if let value = value as? JSON { return value }
        if let text = value as? String { return .string(text) }
        let encoder = ValueEncoder(slot: EncodingSlot(), path: path())
        try value.encode(to: encoder)
        return encoder.slot.result
    }

    static func number(_ value: some BinaryInteger) -> JSON {
        Int64(exactly: value).map { .int($0) } ?? .double(Double(value))
    }
    static func number(_ value: Double, at path: @autoclosure () -> CodingPath) throws -> JSON {
        guard value.isFinite else {
            throw EncodingError.invalidValue(
                value, .init(codingPath: path().keys, debugDescription: "JSON can't express the number \(value)"))
        }
        return .double(value)
    }
    /// Goes through the shortest text, so that 0.1 stays 0.1 and does not become 0.10000000149011612.
    static func number(_ value: Float, at path: @autoclosure () -> CodingPath) throws -> JSON {
        try number(Double(value.description) ?? Double(value), at: path())
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        slot.beginObject()
        return KeyedEncodingContainer(KeyedWriter<Key>(slot: slot, path: path))
    }
    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        slot.beginArray()
        return UnkeyedWriter(slot: slot, path: path)
    }
    func singleValueContainer() -> any SingleValueEncodingContainer { self }
}

extension ValueEncoder: SingleValueEncodingContainer {
    func encodeNil() { slot.value = .null }
    func encode(_ value: Bool) { slot.value = .bool(value) }
    func encode(_ value: String) { slot.value = .string(value) }
    func encode(_ value: Double) throws { slot.value = try Self.number(value, at: path) }
    func encode(_ value: Float) throws { slot.value = try Self.number(value, at: path) }
    func encode(_ value: Int) { slot.value = Self.number(value) }
    func encode(_ value: Int8) { slot.value = Self.number(value) }
    func encode(_ value: Int16) { slot.value = Self.number(value) }
    func encode(_ value: Int32) { slot.value = Self.number(value) }
    func encode(_ value: Int64) { slot.value = Self.number(value) }
    func encode(_ value: UInt) { slot.value = Self.number(value) }
    func encode(_ value: UInt8) { slot.value = Self.number(value) }
    func encode(_ value: UInt16) { slot.value = Self.number(value) }
    func encode(_ value: UInt32) { slot.value = Self.number(value) }
    func encode(_ value: UInt64) { slot.value = Self.number(value) }
    func encode<T: Encodable>(_ value: T) throws { slot.value = try Self.encode(value, at: path) }
}
