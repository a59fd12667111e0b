/// A template value. YAML has strings, numbers and booleans, but a template only sees text.
///
/// The CRDs say `x-kubernetes-int-or-string`. An API server keeps the value of a number but not its spelling, so `1.10`
/// would silently become `1.1`, and `yes` would become `true`. So fractions and booleans must be quoted. Reading is
/// more lenient, for objects that an older CRD accepted.
public enum TemplateValue: Sendable, Hashable, Codable {
    case string(String)
    case integer(Int64)
    case number(Double)
    case boolean(Bool)

    /// The text that replaces the placeholder.
    public var text: String {
        switch self {
        case .string(let text): text
        case .integer(let number): String(number)
        case .number(let number): number.rounded() == number && abs(number) < 1e15 ? String(Int64(number)) : "\(number)"
        case .boolean(let flag): flag ? "true" : "false"
        }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            self = .string(text)
        } else if let flag = try? container.decode(Bool.self) {
            self = .boolean(flag)
        } else if let number = try? container.decode(Int64.self) {
            self = .integer(number)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "expected a string or a number, as template values are")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .string(let text): try container.encode(text)
        case .integer(let number): try container.encode(number)
        case .number(let number): try container.encode(number)
        case .boolean(let flag): try container.encode(flag)
        }
    }
}

extension TemplateValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
}

/// One layer of values, by placeholder name.
public typealias TemplateValues = [String: TemplateValue]

/// A key of a Secret or ConfigMap in the operator's namespace.
public struct KeyReference: Sendable, Hashable, Codable {
    public var name: String
    public var key: String

    public init(name: String, key: String) {
        self.name = name
        self.key = key
    }

    func problems(at path: String) -> [SpecProblem] {
        (name.isEmpty ? [SpecProblem(path + ".name", "is empty")] : [])
            + (key.isEmpty ? [SpecProblem(path + ".key", "is empty")] : [])
    }
}

/// A template value that is read from a Secret or a ConfigMap instead of being copied into the object.
public struct ValueSource: Sendable, Hashable, Codable {
    /// The placeholder's name.
    public var name: String
    public var secretKeyRef: KeyReference?
    public var configMapKeyRef: KeyReference?

    public init(name: String, secretKeyRef: KeyReference? = nil, configMapKeyRef: KeyReference? = nil) {
        self.name = name
        self.secretKeyRef = secretKeyRef
        self.configMapKeyRef = configMapKeyRef
    }

    func problems(at path: String) -> [SpecProblem] {
        var problems = ValueRules.problems(ofName: name, at: path + ".name")
        if (secretKeyRef == nil) == (configMapKeyRef == nil) {
            problems.append(SpecProblem(path, "needs exactly one of secretKeyRef and configMapKeyRef"))
        }
        problems += secretKeyRef?.problems(at: path + ".secretKeyRef") ?? []
        problems += configMapKeyRef?.problems(at: path + ".configMapKeyRef") ?? []
        return problems
    }
}

/// The rules for names of values.
public enum ValueRules {
    /// flyteadmin sets these. A value with such a name could never take effect.
    public static let reserved: Set<String> = ["project", "domain", "namespace"]

    /// Whether `{{ name }}` is a placeholder: letters, digits, `_`, `-` and `.`, beginning with a letter or `_`.
    public static func isName(_ name: some StringProtocol) -> Bool {
        guard let first = name.utf8.first, isLetter(first), name.utf8.count <= 128 else { return false }
        return name.utf8.allSatisfy {
            isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
                || $0 == UInt8(ascii: ".")
        }
    }
    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || byte == UInt8(ascii: "_")
    }

    /// Nil for a good name.
    package static func problem(ofName name: String) -> String? { problems(ofName: name, at: "").first?.message }

    static func problems(ofName name: String, at path: String) -> [SpecProblem] {
        if reserved.contains(name) {
            [SpecProblem(path, "\"\(name)\" is set by the system and can't be set: choose another name")]
        } else if !isName(name) {
            [SpecProblem(path, "\(name.quotedForMessage) can't be a placeholder's name")]
        } else {
            []
        }
    }

    static func problems(of values: TemplateValues, at path: String) -> [SpecProblem] {
        values.keys.sorted().flatMap { problems(ofName: $0, at: "\(path).\($0.shortForMessage)") }
    }

    static func problems(ofDomains values: [String: TemplateValues], at path: String) -> [SpecProblem] {
        values.sorted { $0.key < $1.key }.flatMap { problems(of: $0.value, at: "\(path).\($0.key.shortForMessage)") }
    }

    static func problems(of sources: [ValueSource], at path: String) -> [SpecProblem] {
        var seen: Set<String> = []
        return sources.enumerated().flatMap { index, source in
            let place = "\(path)[\(index)]"
            let twice =
                seen.insert(source.name).inserted
                ? [] : [SpecProblem(place + ".name", "\(source.name.quotedForMessage) appears twice")]
            return source.problems(at: place) + twice
        }
    }
}

extension String {
    /// A user's text for messages: cut, and without control characters.
    package var shortForMessage: String {
        var text = ""
        for scalar in unicodeScalars.prefix(80) {
            text.unicodeScalars.append(scalar.properties.generalCategory == .control ? " " : scalar)
        }
        return unicodeScalars.count > 80 ? text + "…" : text
    }
    package var quotedForMessage: String { "\"\(shortForMessage)\"" }
}
