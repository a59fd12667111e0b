extension CELLibrary {
    private static let intOverflow = CELError("integer overflow")
    private static let uintOverflow = CELError("unsigned integer overflow")

    private typealias Checked<T> = @Sendable (T, T) -> (partialValue: T, overflow: Bool)

    private static func ints(_ name: String, _ operation: @escaping Checked<Int64>) -> Entry {
        function(name, [.int, .int], .int) { (_, arguments) throws(CELError) in
            let (value, overflow) = operation(try arguments[0].asInt(), try arguments[1].asInt())
            if overflow { throw intOverflow }
            return .int(value)
        }
    }
    private static func uints(_ name: String, _ operation: @escaping Checked<UInt64>) -> Entry {
        function(name, [.uint, .uint], .uint) { (_, arguments) throws(CELError) in
            let (value, overflow) = operation(try arguments[0].asUInt(), try arguments[1].asUInt())
            if overflow { throw uintOverflow }
            return .uint(value)
        }
    }
    private static func doubles(_ name: String, _ operation: @escaping @Sendable (Double, Double) -> Double) -> Entry {
        function(name, [.double, .double], .double) { (_, arguments) throws(CELError) in
            .double(operation(try arguments[0].asDouble(), try arguments[1].asDouble()))
        }
    }
    /// A division. Division by zero is an error of its own.
    private static func divisions(
        _ name: String, _ zero: String, _ signed: @escaping Checked<Int64>, _ unsigned: @escaping Checked<UInt64>
    ) -> [Entry] {
        [
            function(name, [.int, .int], .int) { (_, arguments) throws(CELError) in
                let divisor = try arguments[1].asInt()
                guard divisor != 0 else { throw CELError(zero) }
                let (value, overflow) = signed(try arguments[0].asInt(), divisor)
                if overflow { throw intOverflow }
                return .int(value)
            },
            function(name, [.uint, .uint], .uint) { (_, arguments) throws(CELError) in
                let divisor = try arguments[1].asUInt()
                guard divisor != 0 else { throw CELError(zero) }
                return .uint(unsigned(try arguments[0].asUInt(), divisor).partialValue)
            },
        ]
    }
    /// Sums and differences of durations and timestamps.
    private static func nanoseconds(
        _ name: String, _ left: CELType, _ right: CELType, _ result: CELType, _ operation: @escaping Checked<Int64>
    ) -> Entry {
        function(name, [left, right], result) { (_, arguments) throws(CELError) in
            let (value, overflow) = operation(try arguments[0].asNanoseconds(), try arguments[1].asNanoseconds())
            if overflow { throw CELError(result == .duration ? "duration overflow" : "timestamp overflow") }
            return result == .duration ? .duration(value) : .timestamp(value)
        }
    }

    static let operators: [Entry] =
        [
            ints("_+_") { $0.addingReportingOverflow($1) },
            ints("_-_") { $0.subtractingReportingOverflow($1) },
            ints("_*_") { $0.multipliedReportingOverflow(by: $1) },
            uints("_+_") { $0.addingReportingOverflow($1) },
            uints("_-_") { $0.subtractingReportingOverflow($1) },
            uints("_*_") { $0.multipliedReportingOverflow(by: $1) },
            doubles("_+_") { $0 + $1 },
            doubles("_-_") { $0 - $1 },
            doubles("_*_") { $0 * $1 },
            doubles("_/_") { $0 / $1 },
            nanoseconds("_+_", .duration, .duration, .duration) { $0.addingReportingOverflow($1) },
            nanoseconds("_+_", .timestamp, .duration, .timestamp) { $0.addingReportingOverflow($1) },
            nanoseconds("_+_", .duration, .timestamp, .timestamp) { $0.addingReportingOverflow($1) },
            nanoseconds("_-_", .duration, .duration, .duration) { $0.subtractingReportingOverflow($1) },
            nanoseconds("_-_", .timestamp, .timestamp, .duration) { $0.subtractingReportingOverflow($1) },
            nanoseconds("_-_", .timestamp, .duration, .timestamp) { $0.subtractingReportingOverflow($1) },
            function("_+_", [.string, .string], .string) { (evaluator, arguments) throws(CELError) in
                let (left, right) = (try arguments[0].asString(), try arguments[1].asString())
                try evaluator.spend((left.utf8.count + right.utf8.count) / 10)
                return .string(left + right)
            },
            function("_+_", [.bytes, .bytes], .bytes) { (evaluator, arguments) throws(CELError) in
                let joined = try arguments[0].asBytes() + arguments[1].asBytes()
                try evaluator.spend(joined.count / 10)
                return .bytes(joined)
            },
            function("_+_", [listOfElements, listOfElements], listOfElements) {
                (evaluator, arguments) throws(CELError) in
                let (left, right) = (try arguments[0].asList(), try arguments[1].asList())
                try evaluator.spend(left.count + right.count)
                return .list(try joined(left, right, &evaluator))
            },
            function("-_", [.int], .int) { (_, arguments) throws(CELError) in
                let (value, overflow) = Int64(0).subtractingReportingOverflow(try arguments[0].asInt())
                if overflow { throw intOverflow }
                return .int(value)
            },
            function("-_", [.double], .double) { (_, arguments) throws(CELError) in
                .double(-(try arguments[0].asDouble()))
            },
            function("!_", [.bool], .bool) { (_, arguments) throws(CELError) in .bool(!(try arguments[0].asBool())) },
        ]
        + divisions("_/_", "division by zero", { $0.dividedReportingOverflow(by: $1) }) {
            $0.dividedReportingOverflow(by: $1)
        }
        + divisions("_%_", "modulus by zero", { $0.remainderReportingOverflow(dividingBy: $1) }) {
            $0.remainderReportingOverflow(dividingBy: $1)
        }

    /// Joins lists of type set and map: elements of the right replace those with the same keys, or come last.
    private static func joined(
        _ left: CELList, _ right: CELList, _ evaluator: inout CELEvaluator
    ) throws(CELError) -> CELList {
        var values = try left.values()
        let others = try right.values()
        guard left.type == "set" || left.type == "map" else { return CELList(values + others) }
        try evaluator.spend(values.count * others.count)
        for other in others {
            var index: Int?
            for (position, value) in values.enumerated() where index == nil {
                if left.type == "set" {
                    if CELEquality.equal(value, other) { index = position }
                } else {
                    var isSame = true
                    for key in left.keys {
                        let key = CELValue.string(CELEscaping.escaped(key) ?? key)
                        let (mine, theirs) = (try CELEvaluator.member(value, key), try CELEvaluator.member(other, key))
                        isSame = isSame && CELEquality.equal(.optional(mine), .optional(theirs))
                    }
                    if isSame { index = position }
                }
            }
            if let index { values[index] = other } else { values.append(other) }
        }
        return CELList(values, type: left.type, keys: left.keys)
    }

    private static let ordered: [(CELType, CELType)] = {
        let numbers: [CELType] = [.int, .uint, .double]
        let same: [CELType] = [.bool, .string, .bytes, .duration, .timestamp]
        return numbers.flatMap { left in numbers.map { (left, $0) } } + same.map { ($0, $0) }
    }()

    static let comparisons: [Entry] = {
        let tests: [(String, @Sendable (Int) -> Bool)] = [
            ("_<_", { $0 < 0 }), ("_<=_", { $0 <= 0 }), ("_>_", { $0 > 0 }), ("_>=_", { $0 >= 0 }),
        ]
        var entries: [Entry] = []
        for (name, test) in tests {
            for (left, right) in ordered {
                entries.append(
                    function(name, [left, right], .bool) { (_, arguments) throws(CELError) in
                        guard let order = CELEquality.compare(arguments[0], arguments[1]) else {
                            throw CELError("NaN values cannot be ordered")
                        }
                        return .bool(test(order))
                    })
            }
        }
        for (name, wanted) in [("_==_", true), ("_!=_", false)] {
            entries.append(
                function(name, [element, element], .bool) { (evaluator, arguments) throws(CELError) in
                    try evaluator.spend(size(arguments[0]) / 10)
                    return .bool(CELEquality.equal(arguments[0], arguments[1]) == wanted)
                })
        }
        entries.append(
            function("@in", [element, listOfElements], .bool) { (evaluator, arguments) throws(CELError) in
                let values = try arguments[1].asList().values()
                try evaluator.spend(values.count)
                return .bool(values.contains { CELEquality.equal(arguments[0], $0) })
            })
        entries.append(
            function("@in", [element, .map(element, .parameter("B"))], .bool) { (_, arguments) throws(CELError) in
                .bool(try CELEvaluator.member(arguments[1], arguments[0]) != nil)
            })
        return entries
    }()

    /// The cost of looking at a value.
    private static func size(_ value: CELValue) -> Int {
        switch value {
        case .string(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        case .list(let list): list.count * 10
        case .map(let entries): entries.count * 10
        case .record(let members, _): members.count * 10
        default: 0
        }
    }
}
