/// A recursive-descent parser over contiguous bytes.
///
/// We have our own parser because no other has all of this: limits against hostile peers, exact 64-bit integers, no
/// Foundation (44 MB of binary), and speed. Foundation's decoder reads about 13 MB/s; this one reads ten times as much.
struct Parser {
    struct Fault: Error {
        var offset: Int
        var message: String
    }

    let base: UnsafePointer<UInt8>
    let end: Int
    var position = 0
    var depthLeft: Int
    private var valuesLeft: Int
    /// The elements and members of all open collections. A finished collection is cut from the end, so that it gets
    /// storage of exactly its size and never grows step by step.
    private var elements: [JSON] = []
    private var members: [(key: String, value: JSON)] = []
    var keys: KeyCache
    var repeated: RepeatedValues

    /// The bytes must stay valid for as long as the parser is used.
    init(_ base: UnsafePointer<UInt8>, count: Int, depth: Int, values: Int, repeatedMember: String? = nil) {
        self.base = base
        end = count
        depthLeft = depth
        valuesLeft = values
        keys = KeyCache(forTextOf: count)
        repeated = RepeatedValues(of: repeatedMember, forTextOf: count)
        members.reserveCapacity(32)
    }

    mutating func parse() throws(Fault) -> JSON {
        let value = try parseValue()
        skipSpace()
        guard position == end else { throw fault("nothing may follow the value, found \(found)") }
        return value
    }

    mutating func parseValue() throws(Fault) -> JSON {
        skipSpace()
        guard position < end else { throw fault("the text ends where a value is expected") }
        switch base[position] {
        case UInt8(ascii: "\""): return .string(try parseString(isKey: false))
        case UInt8(ascii: "{"): return try parseObject()
        case UInt8(ascii: "["): return try parseArray()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
        case UInt8(ascii: "t"): return try parse(word: "true", as: .bool(true))
        case UInt8(ascii: "f"): return try parse(word: "false", as: .bool(false))
        case UInt8(ascii: "n"): return try parse(word: "null", as: .null)
        default: throw fault("expected a value, found \(found)")
        }
    }

    private mutating func parseArray() throws(Fault) -> JSON {
        try open()
        let start = elements.count
        if nextIs(UInt8(ascii: "]")) {
            depthLeft += 1
            return .array([])
        }
        while true {
            let value = try parseValue()
            try countValue()
            elements.append(value)
            if nextIs(UInt8(ascii: ",")) { continue }
            guard nextIs(UInt8(ascii: "]")) else { throw fault("expected ',' or ']' in an array, found \(found)") }
            break
        }
        depthLeft += 1
        let array = Array(elements[start...])
        elements.removeLast(elements.count - start)
        return .array(array)
    }

    private mutating func parseObject() throws(Fault) -> JSON {
        try open()
        let start = members.count
        if nextIs(UInt8(ascii: "}")) {
            depthLeft += 1
            return .object([:])
        }
        while true {
            skipSpace()
            guard position < end, base[position] == UInt8(ascii: "\"") else {
                throw fault("expected a key in quotes, found \(found)")
            }
            let key = try parseString(isKey: true)
            guard nextIs(UInt8(ascii: ":")) else { throw fault("expected ':' after a key, found \(found)") }
            let value = repeated.key == key ? try parseRepeated() : try parseValue()
            try countValue()
            members.append((key, value))
            if nextIs(UInt8(ascii: ",")) { continue }
            guard nextIs(UInt8(ascii: "}")) else { throw fault("expected ',' or '}' in an object, found \(found)") }
            break
        }
        depthLeft += 1
        var object = [String: JSON](minimumCapacity: members.count - start)
        for index in start..<members.count { object[members[index].key] = members[index].value }
        members.removeLast(members.count - start)
        return .object(object)
    }

    /// Reads a value that may be the same as an earlier one. It counts as often as it stands there.
    mutating func parseRepeated() throws(Fault) -> JSON {
        skipSpace()
        let start = position
        if let known = knownValue(), known.depth <= depthLeft, known.values <= valuesLeft {
            position += known.count
            valuesLeft -= known.values
            return known.value
        }
        let (depth, values) = (depthLeft, valuesLeft)
        let value = try parseValue()
        if case .object = value {
            repeated.keep(value, base + start, position - start, depth: depth, values: values - valuesLeft)
        }
        return value
    }

    private mutating func knownValue() -> RepeatedValues.Known? {
        if let known = repeated.recentValue(base + position, atMost: end - position) { return known }
        return endOfObject().flatMap { repeated.value(base + position, $0 - position) }
    }

    /// Where the object that begins here ends, if it is well-formed. Nil if it is none, or does not end.
    private func endOfObject() -> Int? {
        guard position < end, base[position] == UInt8(ascii: "{") else { return nil }
        var index = position
        var depth = 0
        var isInString = false
        while index < end {
            let byte = base[index]
            index += 1
            if isInString {
                if byte == UInt8(ascii: "\\") { index += 1 } else if byte == UInt8(ascii: "\"") { isInString = false }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"):
                depth -= 1
                if depth == 0 { return index }
            default: break
            }
        }
        return nil
    }

    mutating func open() throws(Fault) {
        guard depthLeft > 0 else { throw fault("nested too deeply") }
        depthLeft -= 1
        position += 1
    }

    mutating func countValue() throws(Fault) {
        guard valuesLeft > 0 else { throw fault("too many values") }
        valuesLeft -= 1
    }

    private mutating func parse(word: StaticString, as value: JSON) throws(Fault) -> JSON {
        let count = word.utf8CodeUnitCount
        guard end - position >= count, (0..<count).allSatisfy({ base[position + $0] == word.utf8Start[$0] }) else {
            throw fault("expected \(word), found \(found)")
        }
        position += count
        return value
    }

    private mutating func parseNumber() throws(Fault) -> JSON {
        let start = position
        let isNegative = base[position] == UInt8(ascii: "-")
        if isNegative { position += 1 }
        // The digits accumulate below zero, since the range of Int64 reaches further there.
        var value: Int64 = 0
        var fits = true
        let firstDigit = position
        while let digit = digit {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (difference, overflowed) = product.subtractingReportingOverflow(Int64(digit))
            fits = fits && !overflow && !overflowed
            value = difference
            position += 1
        }
        guard position > firstDigit else { throw fault("expected a digit, found \(found)") }
        guard position == firstDigit + 1 || base[firstDigit] != UInt8(ascii: "0") else {
            throw Fault(offset: firstDigit, message: "a number may not begin with 0")
        }
        var isInteger = true
        if position < end, base[position] == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            try skipDigits()
        }
        if position < end, base[position] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            position += 1
            if position < end, base[position] == UInt8(ascii: "+") || base[position] == UInt8(ascii: "-") {
                position += 1
            }
            try skipDigits()
        }
        if isInteger && fits {
            if isNegative { return .int(value) }
            if value != .min { return .int(-value) }
        }
        let text = String(decoding: UnsafeBufferPointer(start: base + start, count: position - start), as: UTF8.self)
        guard let number = Double(text), number.isFinite else {
            throw Fault(offset: start, message: "the number is too large for a double")
        }
        return .double(number)
    }

    private var digit: UInt8? {
        guard position < end, case let digit = base[position] &- UInt8(ascii: "0"), digit < 10 else { return nil }
        return digit
    }

    private mutating func skipDigits() throws(Fault) {
        guard digit != nil else { throw fault("expected a digit, found \(found)") }
        while digit != nil { position += 1 }
    }

    mutating func skipSpace() {
        while position < end {
            switch base[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    mutating func nextIs(_ byte: UInt8) -> Bool {
        skipSpace()
        guard position < end, base[position] == byte else { return false }
        position += 1
        return true
    }

    func fault(_ message: String) -> Fault { Fault(offset: position, message: message) }

    /// What stands at the position, for messages.
    private var found: String {
        guard position < end else { return "the end" }
        let byte = base[position]
        return (0x21...0x7E).contains(byte) ? "'\(Character(Unicode.Scalar(byte)))'" : "byte \(byte)"
    }
}
