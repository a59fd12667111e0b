import KubeObjects

/// Times as Go reads and writes them: in UTC, `metav1.Time` with whole seconds, `metav1.MicroTime` with exactly six digits
/// after them, which it also wants to read.
enum TimeText {
    static func time(_ text: String) throws(TypedDecoding.Failure) -> String {
        guard let time = Timestamp(text) else { throw failure(text, "2006-01-02T15:04:05Z07:00", at: 0, "2006") }
        return time.description
    }

    static func microTime(_ text: String) throws(TypedDecoding.Failure) -> String {
        let layout = "2006-01-02T15:04:05.000000Z07:00"
        guard let time = Timestamp(text) else { throw failure(text, layout, at: 0, "2006") }
        let fraction = text.utf8.dropFirst(19)
        guard fraction.first == UInt8(ascii: ".") else { throw failure(text, layout, at: 19, ".000000") }
        let digits = fraction.dropFirst().prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        if digits.count < 6 { throw failure(text, layout, at: 19, ".000000") }
        if digits.count > 6 { throw failure(text, layout, at: 26, "Z07:00") }
        // The digits are taken as they are, since a floating-point number can't always hold them.
        return "\(time.description.dropLast()).\(String(decoding: digits, as: UTF8.self))Z"
    }

    private static func failure(_ text: String, _ layout: String, at offset: Int, _ part: String)
        -> TypedDecoding.Failure
    {
        let rest = String(decoding: text.utf8.dropFirst(offset), as: UTF8.self)
        return TypedDecoding.Failure(
            message: "parsing time \"\(text)\" as \"\(layout)\": cannot parse \"\(rest)\" as \"\(part)\"")
    }
}
