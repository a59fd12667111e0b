extension CELLibrary {
    /// cel-go's string library in version 2, and `size`. Positions count Unicode scalars.
    static let strings: [Entry] =
        [
            test("startsWith") { Array($0.utf8).starts(with: $1.utf8) },
            test("endsWith") { Array($0.utf8.reversed()).starts(with: $1.utf8.reversed()) },
            test("contains") { index(of: Array($1.utf8), in: Array($0.utf8)) != nil },
            transform("lowerAscii") { mapASCII($0) { (0x41...0x5A).contains($0) ? $0 + 32 : $0 } },
            transform("upperAscii") { mapASCII($0) { (0x61...0x7A).contains($0) ? $0 - 32 : $0 } },
            transform("trim") { text in
                let scalars = Array(text.unicodeScalars)
                guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
                    let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
                else { return "" }
                return string(scalars[first...last])
            },
            member("charAt", [.string, .int], .string) { (_, arguments) throws(CELError) in
                let scalars = Array(try arguments[0].asString().unicodeScalars)
                let position = try arguments[1].asInt()
                guard position >= 0, position <= scalars.count else { throw outOfRange(position) }
                return .string(string(scalars[Int(position)..<min(Int(position) + 1, scalars.count)]))
            },
            member("substring", [.string, .int], .string) { (_, arguments) throws(CELError) in
                let scalars = Array(try arguments[0].asString().unicodeScalars)
                return .string(string(try slice(scalars, from: arguments[1].asInt(), to: Int64(scalars.count))))
            },
            member("substring", [.string, .int, .int], .string) { (_, arguments) throws(CELError) in
                let scalars = Array(try arguments[0].asString().unicodeScalars)
                return .string(string(try slice(scalars, from: arguments[1].asInt(), to: arguments[2].asInt())))
            },
            member("indexOf", [.string, .string], .int) { (evaluator, arguments) throws(CELError) in
                try position(arguments, from: 0, last: false, &evaluator)
            },
            member("indexOf", [.string, .string, .int], .int) { (evaluator, arguments) throws(CELError) in
                try position(arguments, from: arguments[2].asInt(), last: false, &evaluator)
            },
            member("lastIndexOf", [.string, .string], .int) { (evaluator, arguments) throws(CELError) in
                try position(arguments, from: nil, last: true, &evaluator)
            },
            member("lastIndexOf", [.string, .string, .int], .int) { (evaluator, arguments) throws(CELError) in
                try position(arguments, from: arguments[2].asInt(), last: true, &evaluator)
            },
            member("replace", [.string, .string, .string], .string) { (evaluator, arguments) throws(CELError) in
                try replaced(arguments, limit: -1, &evaluator)
            },
            member("replace", [.string, .string, .string, .int], .string) { (evaluator, arguments) throws(CELError) in
                try replaced(arguments, limit: arguments[3].asInt(), &evaluator)
            },
            member("split", [.string, .string], .list(.string)) { (evaluator, arguments) throws(CELError) in
                try split(arguments, limit: -1, &evaluator)
            },
            member("split", [.string, .string, .int], .list(.string)) { (evaluator, arguments) throws(CELError) in
                try split(arguments, limit: arguments[2].asInt(), &evaluator)
            },
            member("join", [.list(.string)], .string) { (evaluator, arguments) throws(CELError) in
                try join(arguments[0], "", &evaluator)
            },
            member("join", [.list(.string), .string], .string) { (evaluator, arguments) throws(CELError) in
                try join(arguments[0], arguments[1].asString(), &evaluator)
            },
            member("format", [.string, .list(.dyn)], .string) { (evaluator, arguments) throws(CELError) in
                let result = try formatted(try arguments[0].asString(), try arguments[1].asList().values())
                try evaluator.spend(result.utf8.count / 10)
                return .string(result)
            },
            function("strings.quote", [.string], .string) { (_, arguments) throws(CELError) in
                .string(GoText.quoted(try arguments[0].asString()))
            },
        ]
        + sizes(.string) { (value: CELValue) throws(CELError) in try value.asString().unicodeScalars.count }
        + sizes(.bytes) { (value: CELValue) throws(CELError) in try value.asBytes().count }

    static func sizes(
        _ type: CELType, _ count: @escaping @Sendable (CELValue) throws(CELError) -> Int
    ) -> [Entry] {
        let body: CELOverload.Body = { (_, arguments) throws(CELError) in .int(Int64(try count(arguments[0]))) }
        return [function("size", [type], .int, body), member("size", [type], .int, body)]
    }

    private static func test(_ name: String, _ body: @escaping @Sendable (String, String) -> Bool) -> Entry {
        member(name, [.string, .string], .bool) { (evaluator, arguments) throws(CELError) in
            let (text, other) = (try arguments[0].asString(), try arguments[1].asString())
            try evaluator.spend(text.utf8.count / 10)
            return .bool(body(text, other))
        }
    }
    private static func transform(_ name: String, _ body: @escaping @Sendable (String) -> String) -> Entry {
        member(name, [.string], .string) { (evaluator, arguments) throws(CELError) in
            let text = try arguments[0].asString()
            try evaluator.spend(text.utf8.count / 10)
            return .string(body(text))
        }
    }

    private static func outOfRange(_ position: Int64) -> CELError { CELError("index out of range: \(position)") }
    static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }
    private static func mapASCII(_ text: String, _ map: (UInt8) -> UInt8) -> String {
        String(decoding: text.utf8.map(map), as: UTF8.self)
    }

    private static func slice<T>(_ elements: [T], from: Int64, to: Int64) throws(CELError) -> ArraySlice<T> {
        guard from >= 0, from <= elements.count else { throw outOfRange(from) }
        guard to >= 0, to <= elements.count else { throw outOfRange(to) }
        guard from <= to else { throw CELError("invalid substring range. start: \(from), end: \(to)") }
        return elements[Int(from)..<Int(to)]
    }

    private static func index<T: Equatable>(of needle: [T], in text: [T], from start: Int = 0) -> Int? {
        guard needle.count <= text.count, start <= text.count - needle.count else { return nil }
        return (start...text.count - needle.count).first { text[$0..<$0 + needle.count].elementsEqual(needle) }
    }

    private static func position(
        _ arguments: [CELValue], from start: Int64?, last: Bool, _ evaluator: inout CELEvaluator
    ) throws(CELError) -> CELValue {
        let text = Array(try arguments[0].asString().unicodeScalars)
        let needle = Array(try arguments[1].asString().unicodeScalars)
        try evaluator.spend(text.count * max(needle.count, 1) / 10)
        let start = start ?? Int64(text.count)
        guard start >= 0, start <= text.count else { throw outOfRange(start) }
        guard needle.count <= text.count else { return .int(-1) }
        if !last { return .int(Int64(index(of: needle, in: text, from: Int(start)) ?? -1)) }
        let highest = min(Int(start), text.count - needle.count)
        let found = (0...highest).last { text[$0..<$0 + needle.count].elementsEqual(needle) }
        return .int(Int64(found ?? -1))
    }

    /// The parts between separators, at most `limit` many when that is not negative.
    private static func parts(_ text: String, _ separator: String, limit: Int64) -> [String] {
        let scalars = Array(text.unicodeScalars)
        let needle = Array(separator.unicodeScalars)
        var parts: [String] = []
        var start = 0
        if needle.isEmpty {
            while start < scalars.count, limit < 0 || parts.count < limit - 1 {
                parts.append(string(scalars[start..<start + 1]))
                start += 1
            }
            if start < scalars.count { parts.append(string(scalars[start...])) }
            return parts
        }
        while limit < 0 || parts.count < limit - 1, let next = index(of: needle, in: scalars, from: start) {
            parts.append(string(scalars[start..<next]))
            start = next + needle.count
        }
        parts.append(string(scalars[start...]))
        return parts
    }

    private static func split(
        _ arguments: [CELValue], limit: Int64, _ evaluator: inout CELEvaluator
    ) throws(CELError) -> CELValue {
        let (text, separator) = (try arguments[0].asString(), try arguments[1].asString())
        try evaluator.spend(text.utf8.count * max(separator.utf8.count, 1) / 10)
        if limit == 0 { return .list(CELList([])) }
        return .list(CELList(parts(text, separator, limit: limit).map { .string($0) }))
    }

    private static func replaced(
        _ arguments: [CELValue], limit: Int64, _ evaluator: inout CELEvaluator
    ) throws(CELError) -> CELValue {
        let (text, old) = (try arguments[0].asString(), try arguments[1].asString())
        let new = try arguments[2].asString()
        try evaluator.spend(text.utf8.count * max(old.utf8.count, 1) / 10)
        guard limit != 0 else { return .string(text) }
        var parts = parts(text, old, limit: limit < 0 ? -1 : limit + 1)
        // The empty text is found before each character and at the end.
        if old.isEmpty { parts = [""] + parts + (limit < 0 || parts.count < limit ? [""] : []) }
        try evaluator.spend(parts.count * new.utf8.count / 10)
        return .string(parts.joined(separator: new))
    }

    private static func join(
        _ list: CELValue, _ separator: String, _ evaluator: inout CELEvaluator
    ) throws(CELError) -> CELValue {
        var texts: [String] = []
        var length = 0
        for value in try list.asList().values() {
            let text = try value.asString()
            length += text.utf8.count + separator.utf8.count
            texts.append(text)
        }
        try evaluator.spend(texts.count + length / 10)
        return .string(texts.joined(separator: separator))
    }

    /// Clauses `%s %d %f %e %b %x %X %o %%`, with a precision for %f and %e.
    private static func formatted(_ format: String, _ arguments: [CELValue]) throws(CELError) -> String {
        var result = ""
        var scalars = Array(format.unicodeScalars)[...]
        var next = 0
        while let scalar = scalars.popFirst() {
            guard scalar == "%" else {
                result.unicodeScalars.append(scalar)
                continue
            }
            if scalars.first == "%" {
                scalars.removeFirst()
                result += "%"
                continue
            }
            var precision = 6
            if scalars.first == "." {
                scalars.removeFirst()
                let digits = string(scalars.prefix { ("0"..."9").contains($0) })
                scalars = scalars.dropFirst(digits.count)
                precision = min(Int(digits) ?? 0, 100)
            }
            guard let clause = scalars.popFirst() else { throw CELError("unexpected end of format string") }
            guard next < arguments.count else { throw CELError("index \(next) out of range") }
            result += try GoText.clause(clause, arguments[next], precision)
            next += 1
        }
        return result
    }
}
