import JSON

/// The members of a JSON object, read one by one.
///
/// This is for kinds that come by the thousand, since `Codable` costs several times as much. A path is put together
/// only on the way out of a failure (`DecodingFailure.under`), so reading a good object builds no strings. A null
/// member counts as absent, as everywhere in Kubernetes.
///
/// Each function gives nil for a member that is absent, and fails with the member's path where it has another type.
package struct Fields {
    package let members: [String: JSON]

    package init(_ json: JSON) throws(DecodingFailure) {
        guard case .object(let members) = json else { throw .expected("an object", found: json) }
        self.members = members
    }

    package subscript(key: String) -> JSON? {
        guard let value = members[key], value != .null else { return nil }
        return value
    }

    package func string(_ key: String) throws(DecodingFailure) -> String? {
        switch members[key] {
        case .string(let text): return text
        case nil, .null: return nil
        case let other?: throw .expected("a string", found: other, at: key)
        }
    }

    /// A text that must be there and must not be empty.
    package func required(_ key: String) throws(DecodingFailure) -> String {
        guard let text = try string(key), !text.isEmpty else { throw .missing(key) }
        return text
    }

    package func int(_ key: String) throws(DecodingFailure) -> Int64? {
        switch members[key] {
        case .int(let number): return number
        case nil, .null: return nil
        case let other?: throw .expected("an integer", found: other, at: key)
        }
    }

    package func bool(_ key: String) throws(DecodingFailure) -> Bool? {
        switch members[key] {
        case .bool(let value): return value
        case nil, .null: return nil
        case let other?: throw .expected("true or false", found: other, at: key)
        }
    }

    /// A time in the form of RFC 3339, cut to whole seconds.
    package func time(_ key: String) throws(DecodingFailure) -> Timestamp? {
        guard let text = try string(key) else { return nil }
        guard let time = Timestamp(text) else {
            throw DecodingFailure(path: key, message: "not an RFC 3339 time: \(text.shown(bytes: 64))")
        }
        return time
    }

    package func strings(_ key: String) throws(DecodingFailure) -> [String]? {
        try list(key) { json throws(DecodingFailure) in
            guard case .string(let text) = json else { throw .expected("a string", found: json) }
            return text
        }
    }

    /// An object whose values are all strings: labels, annotations, a ConfigMap's data.
    package func stringMap(_ key: String) throws(DecodingFailure) -> [String: String]? {
        switch members[key] {
        case nil, .null: return nil
        case .object(let members):
            var result: [String: String] = [:]
            result.reserveCapacity(members.count)
            for (name, value) in members {
                guard case .string(let text) = value else {
                    // A server may have written the name.
                    throw .expected("a string", found: value, at: name.shown(bytes: 253)).under(key)
                }
                result[name] = text
            }
            return result
        case let other?: throw .expected("an object", found: other, at: key)
        }
    }

    /// An array, each element read by `read`.
    package func list<Element>(
        _ key: String, _ read: (JSON) throws(DecodingFailure) -> Element
    ) throws(DecodingFailure) -> [Element]? {
        switch members[key] {
        case nil, .null: return nil
        case .array(let elements):
            var result: [Element] = []
            result.reserveCapacity(elements.count)
            for (index, element) in elements.enumerated() {
                do { result.append(try read(element)) } catch { throw error.under("\(key)[\(index)]") }
            }
            return result
        case let other?: throw .expected("an array", found: other, at: key)
        }
    }

    /// A member that is read as a value of its own.
    package func value<Value>(
        _ key: String, _ read: (JSON) throws(DecodingFailure) -> Value
    ) throws(DecodingFailure) -> Value? {
        guard let json = self[key] else { return nil }
        do { return try read(json) } catch { throw error.under(key) }
    }

    /// `metadata`, which every object has.
    package func metadata() throws(DecodingFailure) -> ObjectMeta {
        do { return try ObjectMeta(json: members["metadata"] ?? .null) } catch { throw error.under("metadata") }
    }
}

extension DecodingFailure {
    /// The same failure, with its path from one level further out.
    package func under(_ outer: String) -> DecodingFailure {
        guard !path.isEmpty else { return DecodingFailure(path: outer, message: message) }
        return DecodingFailure(path: path.hasPrefix("[") ? outer + path : "\(outer).\(path)", message: message)
    }

    package static func missing(_ path: String) -> DecodingFailure {
        DecodingFailure(path: path, message: "required, but missing")
    }

    package static func expected(_ wanted: String, found json: JSON, at path: String = "") -> DecodingFailure {
        let found =
            switch json {
            case .null: "nothing"
            case .bool: "a boolean"
            case .int, .double: "a number"
            case .string: "a string"
            case .array: "an array"
            case .object: "an object"
            }
        return DecodingFailure(path: path, message: "expected \(wanted), found \(found)")
    }
}
