extension JSON {
    /// Reads the value as a `Decodable` type. Numbers convert where nothing is lost: an integral `double` decodes as an
    /// integer and an integer as a floating-point number. Unknown members are ignored.
    public func decode<T: Decodable>(_ type: T.Type) throws(DecodingFailure) -> T {
        do {
            return try ValueDecoder(value: self, path: .root).unbox(type)
        } catch {
            throw DecodingFailure(error)
        }
    }
}

extension DecodingFailure {
    init(_ error: any Error) {
        guard let error = error as? DecodingError else {
            self = error as? DecodingFailure ?? DecodingFailure(path: "", message: "\(error)")
            return
        }
        var keys: [any CodingKey]
        var context: DecodingError.Context
        switch error {
        case .keyNotFound(let key, let found):
            (keys, context) = (found.codingPath + [key], found)
            self.init(path: CodingPath.text(keys), message: "required, but missing")
            return
        case .typeMismatch(_, let found), .valueNotFound(_, let found), .dataCorrupted(let found):
            (keys, context) = (found.codingPath, found)
        @unknown default:
            self.init(path: "", message: "\(error)")
            return
        }
        let path = CodingPath.text(keys)
        if let inner = context.underlyingError as? DecodingFailure {
            let separator = path.isEmpty || inner.path.isEmpty || inner.path.hasPrefix("[") ? "" : "."
            self.init(path: path + separator + inner.path, message: inner.message)
        } else {
            self.init(path: path, message: context.debugDescription)
        }
    }
}

/// Decodes one value. Its containers throw `DecodingError`, as `Decodable` types expect; `JSON.decode` translates.
struct ValueDecoder: Decoder {
    let value: JSON
    let path: CodingPath
    var codingPath: [any CodingKey] { path.keys }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func unbox<T: Decodable>(_ type: T.Type) throws -> T {
        // Each `as!` below is between types that were just compared, so it can't fail. These four types need no
        // containers.
        if type == JSON.self { return value as! T }
        if type == String.self { return try string() as! T }
        if type == [String: JSON].self { return try members() as! T }
        if type == [JSON].self { return try elements() as! T }
        do {
            return try T(from: self)
        } catch let failure as DecodingFailure {
            // This comes from a `decode` within the type's own initialiser. That path begins here.
            throw DecodingError.dataCorrupted(
                .init(codingPath: codingPath, debugDescription: failure.message, underlyingError: failure))
        }
    }

    func mismatch(_ type: Any.Type, _ expected: String) -> DecodingError {
        let text = "expected \(expected), found \(value.kindWithArticle)"
        let context = DecodingError.Context(codingPath: codingPath, debugDescription: text)
        return value.isNull ? .valueNotFound(type, context) : .typeMismatch(type, context)
    }

    func members() throws -> [String: JSON] {
        guard case .object(let members) = value else { throw mismatch([String: JSON].self, "an object") }
        return members
    }
    func elements() throws -> [JSON] {
        guard case .array(let elements) = value else { throw mismatch([JSON].self, "an array") }
        return elements
    }
    func string() throws -> String {
        guard case .string(let text) = value else { throw mismatch(String.self, "a string") }
        return text
    }
    func bool() throws -> Bool {
        guard case .bool(let flag) = value else { throw mismatch(Bool.self, "a boolean") }
        return flag
    }
    func floating<T: BinaryFloatingPoint>(_ type: T.Type) throws -> T {
        guard let number = value.double else { throw mismatch(type, "a number") }
        return T(number)
    }
    func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
        let found: String
        switch value {
        case .int(let number):
            if let exact = T(exactly: number) { return exact }
            found = "\(number)"
        case .double(let number):
            if let exact = T(exactly: number) { return exact }
            found = "\(number)"
        default: throw mismatch(type, "a number")
        }
        let expected = found.contains(".") ? "a whole number" : "a number from \(T.min) to \(T.max)"
        let text = "expected \(expected), found \(found)"
        throw DecodingError.dataCorrupted(.init(codingPath: codingPath, debugDescription: text))
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(KeyedReader<Key>(members: try members(), path: path))
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        UnkeyedReader(elements: try elements(), path: path)
    }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }
}

extension ValueDecoder: SingleValueDecodingContainer {
    func decodeNil() -> Bool { value.isNull }
    func decode(_: Bool.Type) throws -> Bool { try bool() }
    func decode(_: String.Type) throws -> String { try string() }
    func decode(_ type: Double.Type) throws -> Double { try floating(type) }
    func decode(_ type: Float.Type) throws -> Float { try floating(type) }
    func decode(_ type: Int.Type) throws -> Int { try integer(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try integer(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try integer(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try integer(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try integer(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try integer(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try integer(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try integer(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try integer(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try integer(type) }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try unbox(type) }
}
