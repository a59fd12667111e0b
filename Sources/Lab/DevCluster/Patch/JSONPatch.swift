import JSON

/// A JSON patch (RFC 6902).
struct JSONPatch: Sendable {
    enum Failure: Error, Hashable {
        /// The patch is not a list of operations: 400.
        case malformed(String)
        /// An operation can't be done, or a test fails: 422.
        case rejected
        /// More operations than allowed: 413.
        case tooMany(Int)
    }
    private enum Operation: Sendable {
        case add(JSON), remove, replace(JSON), move(from: [String]), copy(from: [String]), test(JSON)
    }
    private let steps: [(operation: Operation, path: [String])]
    private static let maximumOperations = 10_000
    /// The limit for all copies together, since copying a copy doubles.
    private static let maximumCopied = 3 << 20

    init(_ json: JSON) throws(Failure) {
        guard let items = json.array else {
            throw .malformed("json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp")
        }
        guard items.count <= Self.maximumOperations else { throw .tooMany(items.count) }
        var steps: [(Operation, [String])] = []
        for item in items {
            guard let name = item["op"]?.string, let path = item["path"]?.string.flatMap(Self.pointer) else {
                throw .rejected
            }
            let from = item["from"]?.string.flatMap(Self.pointer)
            switch name {
            case "add": steps.append((.add(item["value"] ?? .null), path))
            case "remove": steps.append((.remove, path))
            case "replace": steps.append((.replace(item["value"] ?? .null), path))
            case "test": steps.append((.test(item["value"] ?? .null), path))
            case "move":
                guard let from else { throw .rejected }
                steps.append((.move(from: from), path))
            case "copy":
                guard let from else { throw .rejected }
                steps.append((.copy(from: from), path))
            default: throw .rejected
            }
        }
        self.steps = steps
    }

    func apply(to document: JSON) throws(Failure) -> JSON {
        var result = document
        var copied = 0
        for (operation, path) in steps {
            switch operation {
            case .add(let value): result = try Self.change(result, path[...], .add(value))
            case .remove: result = try Self.change(result, path[...], .remove)
            case .replace(let value): result = try Self.change(result, path[...], .replace(value))
            case .test(let value):
                // A missing value equals null.
                guard (try? Self.value(result, path[...])) ?? .null == value else { throw .rejected }
            case .move(let from):
                let value = try Self.value(result, from[...])
                if path.starts(with: from), path.count > from.count { throw .rejected }
                result = try Self.change(result, from[...], .remove)
                result = try Self.change(result, path[...], .add(value))
            case .copy(let from):
                let value = try Self.value(result, from[...])
                copied += value.serialized().count
                guard copied <= Self.maximumCopied else { throw .rejected }
                result = try Self.change(result, path[...], .add(value))
            }
        }
        return result
    }

    private static func pointer(_ text: String) -> [String]? {
        if text.isEmpty { return [] }
        guard text.hasPrefix("/") else { return nil }
        return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { token in
            var result = ""
            var escaped = false
            for character in token.unicodeScalars {
                if escaped {
                    result += character == "1" ? "/" : character == "0" ? "~" : "~\(character)"
                    escaped = false
                } else if character == "~" {
                    escaped = true
                } else {
                    result.unicodeScalars.append(character)
                }
            }
            return escaped ? result + "~" : result
        }
    }

    private static func value(_ json: JSON, _ path: ArraySlice<String>) throws(Failure) -> JSON {
        var current = json
        for token in path {
            switch current {
            case .object(let members):
                guard let member = members[token] else { throw .rejected }
                current = member
            case .array(let elements):
                guard let index = index(token, count: elements.count), index < elements.count else { throw .rejected }
                current = elements[index]
            default: throw .rejected
            }
        }
        return current
    }

    private static func change(_ json: JSON, _ path: ArraySlice<String>, _ operation: Operation) throws(Failure) -> JSON
    {
        guard let token = path.first else {
            switch operation {
            case .add(let value), .replace(let value): return value
            default: throw .rejected
            }
        }
        let rest = path.dropFirst()
        switch json {
        case .object(var members):
            if rest.isEmpty {
                switch operation {
                // The real server's library also "replaces" a member that is not there.
                case .add(let value), .replace(let value): members[token] = value
                default:
                    guard members.removeValue(forKey: token) != nil else { throw .rejected }
                }
            } else {
                guard let child = members[token] else { throw .rejected }
                members[token] = try change(child, rest, operation)
            }
            return .object(members)
        case .array(var elements):
            if rest.isEmpty, case .add(let value) = operation {
                guard let index = token == "-" ? elements.count : index(token, count: elements.count),
                    index <= elements.count
                else { throw .rejected }
                elements.insert(value, at: index)
                return .array(elements)
            }
            guard let index = index(token, count: elements.count), index < elements.count else { throw .rejected }
            if rest.isEmpty {
                if case .replace(let value) = operation { elements[index] = value } else { elements.remove(at: index) }
            } else {
                elements[index] = try change(elements[index], rest, operation)
            }
            return .array(elements)
        default: throw .rejected
        }
    }

    /// Digits without leading zeros.
    private static func index(_ token: String, count: Int) -> Int? {
        guard token.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), token == "0" || token.first != "0",
            let index = Int(token),
            index <= count
        else { return nil }
        return index
    }
}
