extension CELLibrary {
    private static let plain: [CELType] = [.bool, .int, .uint, .double, .string, .bytes, .duration, .timestamp]

    static let conversions: [Entry] =
        [
            function("dyn", [element], .dyn) { (_, arguments) throws(CELError) in arguments[0] },
            function("type", [element], .type) { (_, arguments) throws(CELError) in .type(arguments[0].typeName) },
            function("int", [.int], .int) { (_, arguments) throws(CELError) in arguments[0] },
            function("int", [.uint], .int) { (_, arguments) throws(CELError) in
                guard let value = Int64(exactly: try arguments[0].asUInt()) else { throw CELError("integer overflow") }
                return .int(value)
            },
            function("int", [.double], .int) { (_, arguments) throws(CELError) in
                guard let value = Int64(exactly: try arguments[0].asDouble().rounded(.towardZero)) else {
                    throw CELError("integer overflow")
                }
                return .int(value)
            },
            function("int", [.string], .int) { (_, arguments) throws(CELError) in
                let text = try arguments[0].asString()
                guard let value = Int64(text) else { throw parseError("Int", text) }
                return .int(value)
            },
            function("int", [.timestamp], .int) { (_, arguments) throws(CELError) in
                let nanoseconds = try arguments[0].asNanoseconds()
                return .int(Int64((Double(nanoseconds) / 1e9).rounded(.down)))
            },
            function("uint", [.uint], .uint) { (_, arguments) throws(CELError) in arguments[0] },
            function("uint", [.int], .uint) { (_, arguments) throws(CELError) in
                guard let value = UInt64(exactly: try arguments[0].asInt()) else {
                    throw CELError("unsigned integer overflow")
                }
                return .uint(value)
            },
            function("uint", [.double], .uint) { (_, arguments) throws(CELError) in
                guard let value = UInt64(exactly: try arguments[0].asDouble().rounded(.towardZero)) else {
                    throw CELError("unsigned integer overflow")
                }
                return .uint(value)
            },
            function("uint", [.string], .uint) { (_, arguments) throws(CELError) in
                let text = try arguments[0].asString()
                guard let value = UInt64(text) else { throw parseError("Uint", text) }
                return .uint(value)
            },
            function("double", [.double], .double) { (_, arguments) throws(CELError) in arguments[0] },
            function("double", [.int], .double) { (_, arguments) throws(CELError) in
                .double(Double(try arguments[0].asInt()))
            },
            function("double", [.uint], .double) { (_, arguments) throws(CELError) in
                .double(Double(try arguments[0].asUInt()))
            },
            function("double", [.string], .double) { (_, arguments) throws(CELError) in
                let text = try arguments[0].asString()
                guard let value = Double(text) else { throw parseError("Float", text) }
                return .double(value)
            },
            function("bool", [.bool], .bool) { (_, arguments) throws(CELError) in arguments[0] },
            function("bool", [.string], .bool) { (_, arguments) throws(CELError) in
                let text = try arguments[0].asString()
                switch text {
                case "true", "True", "TRUE", "t", "T", "1": return .bool(true)
                case "false", "False", "FALSE", "f", "F", "0": return .bool(false)
                default: throw parseError("Bool", text)
                }
            },
            function("bytes", [.bytes], .bytes) { (_, arguments) throws(CELError) in arguments[0] },
            function("bytes", [.string], .bytes) { (_, arguments) throws(CELError) in
                .bytes(Array(try arguments[0].asString().utf8))
            },
            function("duration", [.duration], .duration) { (_, arguments) throws(CELError) in arguments[0] },
            function("duration", [.string], .duration) { (_, arguments) throws(CELError) in
                let text = try arguments[0].asString()
                guard let value = CELTime.duration(text) else {
                    throw CELError("time: invalid duration \(GoText.quoted(text))")
                }
                return .duration(value)
            },
            function("timestamp", [.timestamp], .timestamp) { (_, arguments) throws(CELError) in arguments[0] },
            function("timestamp", [.int], .timestamp) { (_, arguments) throws(CELError) in
                let (value, overflow) = try arguments[0].asInt().multipliedReportingOverflow(by: 1_000_000_000)
                if overflow { throw CELError("timestamp overflow") }
                return .timestamp(value)
            },
            function("timestamp", [.string], .timestamp) { (_, arguments) throws(CELError) in
                let text = try arguments[0].asString()
                guard let value = CELTime.timestamp(text) else {
                    throw CELError("parsing time \(GoText.quoted(text)) failed")
                }
                return .timestamp(value)
            },
        ]
        + plain.map { type in
            function("string", [type], .string) { (_, arguments) throws(CELError) in .string(text(arguments[0])) }
        }

    private static func parseError(_ function: String, _ text: String) -> CELError {
        CELError("strconv.Parse\(function): parsing \(GoText.quoted(text)): invalid syntax")
    }

    /// Parts of timestamps in UTC, and durations as whole units.
    static let times: [Entry] = [
        part("getFullYear", \.year),
        part("getMonth") { $0.month - 1 },
        part("getDayOfMonth") { $0.day - 1 },
        part("getDate", \.day),
        part("getDayOfWeek", \.weekday),
        part("getDayOfYear", \.yearDay),
        part("getHours", \.hour),
        part("getMinutes", \.minute),
        part("getSeconds", \.second),
        part("getMilliseconds") { $0.nanosecond / 1_000_000 },
        whole("getHours", 3_600_000_000_000),
        whole("getMinutes", 60_000_000_000),
        whole("getSeconds", 1_000_000_000),
        whole("getMilliseconds", 1_000_000),
    ]

    private static func part(_ name: String, _ get: @escaping @Sendable (CELTime.Calendar) -> Int64) -> Entry {
        member(name, [.timestamp], .int) { (_, arguments) throws(CELError) in
            .int(get(CELTime.Calendar(try arguments[0].asNanoseconds())))
        }
    }
    private static func whole(_ name: String, _ unit: Int64) -> Entry {
        member(name, [.duration], .int) { (_, arguments) throws(CELError) in
            .int(try arguments[0].asNanoseconds() / unit)
        }
    }

    static let urls: [Entry] = [
        function("isURL", [.string], .bool) { (_, arguments) throws(CELError) in
            .bool(URLText(try arguments[0].asString()) != nil)
        },
        function("url", [.string], .url) { (_, arguments) throws(CELError) in
            let text = try arguments[0].asString()
            guard let url = URLText(text) else {
                throw CELError(
                    "URL parse error during conversion from string: parse \(GoText.quoted(text)): invalid URI")
            }
            return .url(url)
        },
        component("getScheme", \.scheme),
        component("getHost", \.host),
        component("getHostname", \.hostname),
        component("getPort", \.port),
        component("getEscapedPath", \.escapedPath),
        member("getQuery", [.url], .map(.string, .list(.string))) { (_, arguments) throws(CELError) in
            .map(
                try arguments[0].asURL().parameters.map { name, values in
                    CELEntry(key: .string(name), value: .list(CELList(values.map { .string($0) })))
                })
        },
    ]

    private static func component(_ name: String, _ get: @escaping @Sendable (URLText) -> String) -> Entry {
        member(name, [.url], .string) { (_, arguments) throws(CELError) in .string(get(try arguments[0].asURL())) }
    }

    static let optionals: [Entry] = {
        let optional = CELType.optional(element)
        return [
            function("optional.of", [element], optional) { (_, arguments) throws(CELError) in .optional(arguments[0]) },
            function("optional.none", [], .optional(.dyn)) { (_, _) throws(CELError) in .optional(nil) },
            function("optional.ofNonZeroValue", [element], optional) { (_, arguments) throws(CELError) in
                .optional(isZero(arguments[0]) ? nil : arguments[0])
            },
            member("hasValue", [optional], .bool) { (_, arguments) throws(CELError) in
                if case .optional(nil) = arguments[0] { return .bool(false) }
                return .bool(true)
            },
            member("value", [optional], element) { (_, arguments) throws(CELError) in
                guard let value = try arguments[0].asOptional() else { throw CELError("optional.none() dereference") }
                return value
            },
            member("orValue", [optional, element], element) { (_, arguments) throws(CELError) in
                try arguments[0].asOptional() ?? arguments[1]
            },
            member("or", [optional, optional], optional) { (_, arguments) throws(CELError) in
                if case .optional(nil) = arguments[0] { return arguments[1] }
                return arguments[0]
            },
        ]
    }()

    private static func isZero(_ value: CELValue) -> Bool {
        switch value {
        case .null, .bool(false), .int(0), .uint(0), .double(0), .string(""), .duration(0): true
        case .bytes(let bytes): bytes.isEmpty
        case .list(let list): list.count == 0
        case .map(let entries): entries.isEmpty
        case .record(let members, _): members.isEmpty
        default: false
        }
    }
}
