import JSON

/// A message of flyteidl, as grpc-gateway reads and writes it in JSON (protojson): names in snake case or camel case,
/// fields that are not set written out, and unknown fields refused. Only what flyteadmin's answers show is here. It has the
/// error texts of Go's protojson, which other libraries do not have.
struct ProtoMessage: Sendable {
    indirect enum Kind: Sendable {
        case text
        case bool
        case number(ClosedRange<Int64>)
        /// Its values by number.
        case enumeration([String])
        case message(ProtoMessage)
        case list(Kind)
        /// From text to text.
        case map
        /// `BoolValue`: null where it is not set.
        case optionalBool
        /// Kept as it came.
        case any

        static let int32 = Kind.number(Int64(Int32.min)...Int64(Int32.max))
    }
    struct Field: Sendable {
        var name: String
        var kind: Kind
        /// At most one field of a group is set, and only that one is written.
        var oneof: String?
        init(_ name: String, _ kind: Kind, oneof: String? = nil) {
            (self.name, self.kind, self.oneof) = (name, kind, oneof)
        }
    }
    var name: String
    var fields: [Field]

    init(_ name: String, _ fields: [Field]) { (self.name, self.fields) = (name, fields) }

    /// How names are spelled in an answer.
    enum Spelling: Sendable {
        case snake, camel

        func name(_ snake: String) -> String {
            guard self == .camel else { return snake }
            let parts = snake.split(separator: "_")
            return parts.prefix(1).joined()
                + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        }
    }

    // MARK: Writing

    /// With all fields, also those that are not set.
    func written(_ json: JSON, _ spelling: Spelling) -> JSON {
        var members: [String: JSON] = [:]
        for field in fields {
            var value = json[field.name]
            if value?.isNull == true { value = .none }
            if field.oneof != nil, value == nil { continue }
            members[spelling.name(field.name)] = Self.written(value, field.kind, spelling)
        }
        return .object(members)
    }

    private static func written(_ value: JSON?, _ kind: Kind, _ spelling: Spelling) -> JSON {
        switch kind {
        case .text: value ?? ""
        case .bool: value ?? false
        case .number: value ?? 0
        case .enumeration(let names): value ?? .string(names.first ?? "")
        case .message(let message): value.map { message.written($0, spelling) } ?? .null
        case .list(let element): .array((value?.array ?? []).map { written($0, element, spelling) })
        case .map: value ?? [:]
        case .optionalBool, .any: value ?? .null
        }
    }

    // MARK: Reading

    /// The fields that are set, by their snake case names.
    /// - Parameter isStrict: whether an unknown field is an error.
    func read(_ json: JSON, in body: [UInt8], isStrict: Bool = true) throws(GRPCFailure) -> JSON {
        try ProtoReader(body: body, isStrict: isStrict).read(json, as: self)
    }
}

/// Reads one body. Its errors are those of Go's protojson, with the place in the text.
private struct ProtoReader {
    let body: [UInt8]
    let isStrict: Bool

    func read(_ json: JSON, as message: ProtoMessage) throws(GRPCFailure) -> JSON {
        guard let members = json.object else {
            let token = json.serializedString
            throw .invalidArgument("proto: syntax error \(place(token)): unexpected token \(token)")
        }
        var result: [String: JSON] = [:]
        var groups: Set<String> = []
        let spelled = Dictionary(
            message.fields.flatMap { [($0.name, $0), (ProtoMessage.Spelling.camel.name($0.name), $0)] },
            uniquingKeysWith: { first, _ in first })
        for (name, value) in members.sorted(by: { position($0.key) < position($1.key) }) {
            guard let field = spelled[name] else {
                if isStrict { throw .invalidArgument("proto: \(place("\"\(name)\"")): unknown field \"\(name)\"") }
                continue
            }
            if value.isNull, !field.kind.takesNull { continue }
            if let oneof = field.oneof, !groups.insert(oneof).inserted {
                throw .invalidArgument(
                    "proto: \(place("\"\(name)\"")): error parsing \"\(name)\", oneof "
                        + "flyteidl.admin.\(message.name).\(oneof) is already set")
            }
            result[field.name] = try read(value, field.kind, ProtoMessage.Spelling.camel.name(field.name))
        }
        return .object(result)
    }

    private func read(_ value: JSON, _ kind: ProtoMessage.Kind, _ name: String) throws(GRPCFailure) -> JSON {
        func wrong(_ type: String) -> GRPCFailure {
            let text = value.serializedString
            return .invalidArgument("proto: \(place(text)): invalid value for \(type) field \(name): \(text)")
        }
        switch kind {
        case .text:
            guard value.string != nil else { throw wrong("string") }
            return value
        case .bool, .optionalBool:
            guard value.bool != nil else { throw wrong("bool") }
            return value
        case .number(let range):
            guard let number = value.int ?? value.string.flatMap({ Int64($0) }), range.contains(number) else {
                throw wrong(range.lowerBound < 0 ? "int32" : "uint32")
            }
            return .int(number)
        case .enumeration(let names):
            if let number = value.int {
                return names.indices.contains(Int(number)) ? .string(names[Int(number)]) : value
            }
            guard let text = value.string, names.contains(text) else { throw wrong("enum") }
            return value
        case .message(let message): return try read(value, as: message)
        case .list(let element):
            guard let elements = value.array else { throw unexpected(value) }
            var result: [JSON] = []
            for one in elements { result.append(try read(one, element, name)) }
            return .array(result)
        case .map:
            guard let members = value.object else { throw unexpected(value) }
            var result: [String: JSON] = [:]
            for (key, one) in members.sorted(by: { $0.key < $1.key }) { result[key] = try read(one, .text, "value") }
            return .object(result)
        case .any: return value
        }
    }

    private func unexpected(_ value: JSON) -> GRPCFailure {
        let text = value.serializedString
        return .invalidArgument("proto: syntax error \(place(text)): unexpected token \(text)")
    }

    private func position(_ name: String) -> Int { offset(of: "\"\(name)\"") ?? .max }

    private func place(_ text: String) -> String { "(line 1:\((offset(of: text) ?? 0) + 1))" }

    /// The first place in the body that has it. The requests that matter have it only once.
    private func offset(of text: String) -> Int? {
        let wanted = Array(text.utf8)
        guard !wanted.isEmpty, wanted.count <= body.count else { return nil }
        return (0...(body.count - wanted.count)).first { body[$0...].starts(with: wanted) }
    }
}

extension ProtoMessage.Kind {
    fileprivate var takesNull: Bool { if case .any = self { true } else { false } }
}
