/// Tokens of an expression, with their places as offsets in Unicode scalars.
struct CELLexer {
    enum Token: Sendable, Equatable {
        case identifier(String)
        case int(Int64)
        case uint(UInt64)
        case double(Double)
        case string(String)
        case bytes([UInt8])
        case symbol(String)
        case end
    }
    struct Placed: Sendable {
        var token: Token
        var offset: Int
        /// The text as written, for messages.
        var text: String
    }

    private let source: [Unicode.Scalar]
    private var position = 0

    static func tokens(_ source: String) throws(CELIssue) -> [Placed] {
        var lexer = CELLexer(source: Array(source.unicodeScalars))
        var tokens: [Placed] = []
        while true {
            lexer.skipSpace()
            let start = lexer.position
            let token = try lexer.next()
            let text = token == .end ? "<EOF>" : String(String.UnicodeScalarView(lexer.source[start..<lexer.position]))
            tokens.append(Placed(token: token, offset: start, text: text))
            if token == .end { return tokens }
        }
    }

    private func peek(_ ahead: Int = 0) -> Unicode.Scalar? {
        position + ahead < source.count ? source[position + ahead] : nil
    }

    private mutating func skipSpace() {
        while let scalar = peek() {
            if scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r" || scalar == "\u{0C}" {
                position += 1
            } else if scalar == "/", peek(1) == "/" {
                while let next = peek(), next != "\n" { position += 1 }
            } else {
                return
            }
        }
    }

    private mutating func next() throws(CELIssue) -> Token {
        guard let scalar = peek() else { return .end }
        if scalar.isDigit || scalar == "." && peek(1)?.isDigit == true { return try number() }
        if scalar == "\"" || scalar == "'" { return try quoted(isRaw: false, isBytes: false) }
        if scalar.isIdentifierStart {
            if let prefix = stringPrefix() {
                position += prefix.length
                return try quoted(isRaw: prefix.isRaw, isBytes: prefix.isBytes)
            }
            let start = position
            while let next = peek(), next.isIdentifierStart || next.isDigit { position += 1 }
            return .identifier(String(String.UnicodeScalarView(source[start..<position])))
        }
        for symbol in ["==", "!=", "<=", ">=", "&&", "||"] where peek() == symbol.unicodeScalars.first {
            if peek(1) == symbol.unicodeScalars.last {
                position += 2
                return .symbol(symbol)
            }
        }
        guard "+-*/%<>!?:.,()[]{}".unicodeScalars.contains(scalar) else {
            throw CELIssue(position, "Syntax error: token recognition error at: '\(scalar)'")
        }
        position += 1
        return .symbol(String(Character(scalar)))
    }

    /// `r`, `b` and both, in either case, before a quote.
    private func stringPrefix() -> (isRaw: Bool, isBytes: Bool, length: Int)? {
        var isRaw = false
        var isBytes = false
        var length = 0
        while length < 2, let scalar = peek(length) {
            if !isRaw, scalar == "r" || scalar == "R" {
                isRaw = true
            } else if !isBytes, scalar == "b" || scalar == "B" {
                isBytes = true
            } else {
                break
            }
            length += 1
        }
        guard length > 0, let quote = peek(length), quote == "\"" || quote == "'" else { return nil }
        return (isRaw, isBytes, length)
    }

    private mutating func number() throws(CELIssue) -> Token {
        let start = position
        if peek() == "0", peek(1) == "x" || peek(1) == "X" {
            position += 2
            let digits = takeDigits(\.isHexDigit)
            if takeUnsigned() {
                guard let value = UInt64(digits, radix: 16) else { throw CELIssue(start, "invalid uint literal") }
                return .uint(value)
            }
            guard let value = Int64(digits, radix: 16) else { throw CELIssue(start, "invalid int literal") }
            return .int(value)
        }
        var text = takeDigits(\.isDigit)
        var isDouble = false
        if peek() == ".", peek(1)?.isDigit == true {
            isDouble = true
            position += 1
            text += "." + takeDigits(\.isDigit)
        }
        let hasSign = peek(1) == "+" || peek(1) == "-"
        if peek() == "e" || peek() == "E", peek(hasSign ? 2 : 1)?.isDigit == true {
            isDouble = true
            text += "e" + (hasSign && peek(1) == "-" ? "-" : "")
            position += hasSign ? 2 : 1
            text += takeDigits(\.isDigit)
        }
        if isDouble {
            guard let value = Double(text.hasPrefix(".") ? "0" + text : text), value.isFinite else {
                throw CELIssue(start, "invalid double literal")
            }
            return .double(value)
        }
        if takeUnsigned() {
            guard let value = UInt64(text) else { throw CELIssue(start, "invalid uint literal") }
            return .uint(value)
        }
        // The smallest Int64 is a minus before a number that does not fit. The parser puts both together.
        guard let magnitude = UInt64(text), magnitude <= UInt64(Int64.max) + 1 else {
            throw CELIssue(start, "invalid int literal")
        }
        return .int(Int64(truncatingIfNeeded: magnitude))
    }

    private mutating func takeUnsigned() -> Bool {
        guard peek() == "u" || peek() == "U" else { return false }
        position += 1
        return true
    }

    private mutating func takeDigits(_ isDigit: (Unicode.Scalar) -> Bool) -> String {
        var text = ""
        while let scalar = peek(), isDigit(scalar) {
            text.unicodeScalars.append(scalar)
            position += 1
        }
        return text
    }

    private mutating func quoted(isRaw: Bool, isBytes: Bool) throws(CELIssue) -> Token {
        let start = position
        guard let quote = peek() else { return .end }
        let isTriple = peek(1) == quote && peek(2) == quote
        position += isTriple ? 3 : 1
        var bytes: [UInt8] = []
        while true {
            guard let scalar = peek(), isTriple || scalar != "\n" && scalar != "\r" else {
                throw CELIssue(start, "Syntax error: token recognition error at: '\(quote)'")
            }
            if scalar == quote, !isTriple || peek(1) == quote && peek(2) == quote {
                position += isTriple ? 3 : 1
                break
            }
            position += 1
            if scalar == "\\", !isRaw {
                try escape(start, isBytes: isBytes, into: &bytes)
            } else {
                bytes += Array(String(Character(scalar)).utf8)
            }
        }
        return isBytes ? .bytes(bytes) : .string(String(decoding: bytes, as: UTF8.self))
    }

    private mutating func escape(_ start: Int, isBytes: Bool, into bytes: inout [UInt8]) throws(CELIssue) {
        let invalid = CELIssue(start, "Syntax error: invalid escape sequence in a string literal")
        guard let scalar = peek() else { throw invalid }
        position += 1
        func code(_ digits: Int, radix: Int) throws(CELIssue) -> UInt32 {
            guard position + digits <= source.count else { throw invalid }
            let text = String(String.UnicodeScalarView(source[position..<position + digits]))
            guard let value = UInt32(text, radix: radix), !text.hasPrefix("+") else { throw invalid }
            return value
        }
        func append(_ value: UInt32) throws(CELIssue) {
            if isBytes, value <= 0xFF {
                bytes.append(UInt8(value))
            } else {
                guard let scalar = Unicode.Scalar(value) else { throw invalid }
                bytes += Array(String(Character(scalar)).utf8)
            }
        }
        switch scalar {
        case "a": bytes.append(0x07)
        case "b": bytes.append(0x08)
        case "f": bytes.append(0x0C)
        case "n": bytes.append(0x0A)
        case "r": bytes.append(0x0D)
        case "t": bytes.append(0x09)
        case "v": bytes.append(0x0B)
        case "\\", "'", "\"", "`", "?": bytes += Array(String(Character(scalar)).utf8)
        case "x", "X":
            try append(code(2, radix: 16))
            position += 2
        case "u":
            try append(code(4, radix: 16))
            position += 4
        case "U":
            try append(code(8, radix: 16))
            position += 8
        case "0"..."3":
            position -= 1
            try append(code(3, radix: 8))
            position += 3
        default: throw invalid
        }
    }
}

extension Unicode.Scalar {
    fileprivate var isDigit: Bool { ("0"..."9").contains(self) }
    fileprivate var isHexDigit: Bool { isDigit || ("a"..."f").contains(self) || ("A"..."F").contains(self) }
    fileprivate var isIdentifierStart: Bool {
        ("a"..."z").contains(self) || ("A"..."Z").contains(self) || self == "_"
    }
}
