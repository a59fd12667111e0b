extension CELLibrary {
    private static let numbers: [CELType] = [.int, .uint, .double, .duration]
    private static let ordered: [CELType] = [.int, .uint, .double, .bool, .duration, .timestamp, .string, .bytes]

    static let lists: [Entry] =
        sizes(listOfElements) { (value: CELValue) throws(CELError) in try value.asList().count }
        + sizes(.map(element, .parameter("B"))) { (value: CELValue) throws(CELError) in
            CELEquality.keys(value)?.count ?? 0
        }
        + numbers.map { type in
            member("sum", [.list(type)], type) { (evaluator, arguments) throws(CELError) in
                try sum(arguments[0], type, &evaluator)
            }
        }
        + ordered.flatMap { type -> [Entry] in
            [
                member("isSorted", [.list(type)], .bool) { (evaluator, arguments) throws(CELError) in
                    let values = try spent(arguments[0], &evaluator)
                    return .bool(zip(values, values.dropFirst()).allSatisfy { (CELEquality.compare($0, $1) ?? 1) <= 0 })
                },
                member("min", [.list(type)], type) { (evaluator, arguments) throws(CELError) in
                    try extreme(arguments[0], "min", &evaluator) { $0 < 0 }
                },
                member("max", [.list(type)], type) { (evaluator, arguments) throws(CELError) in
                    try extreme(arguments[0], "max", &evaluator) { $0 > 0 }
                },
                member("sort", [.list(type)], .list(type)) { (evaluator, arguments) throws(CELError) in
                    .list(CELList(try CELEquality.sorted(spent(arguments[0], &evaluator)) { $0 }))
                },
            ]
        }
        + [
            member("indexOf", [listOfElements, element], .int) { (evaluator, arguments) throws(CELError) in
                let index = try spent(arguments[0], &evaluator).firstIndex { CELEquality.equal($0, arguments[1]) }
                return .int(Int64(index ?? -1))
            },
            member("lastIndexOf", [listOfElements, element], .int) { (evaluator, arguments) throws(CELError) in
                let index = try spent(arguments[0], &evaluator).lastIndex { CELEquality.equal($0, arguments[1]) }
                return .int(Int64(index ?? -1))
            },
            member("distinct", [listOfElements], listOfElements) { (evaluator, arguments) throws(CELError) in
                var result: [CELValue] = []
                for value in try spent(arguments[0], &evaluator) {
                    try evaluator.spend(result.count)
                    if !result.contains(where: { CELEquality.equal($0, value) }) { result.append(value) }
                }
                return .list(CELList(result))
            },
            member("reverse", [listOfElements], listOfElements) { (evaluator, arguments) throws(CELError) in
                .list(CELList(try spent(arguments[0], &evaluator).reversed()))
            },
            member("slice", [listOfElements, .int, .int], listOfElements) { (evaluator, arguments) throws(CELError) in
                let values = try spent(arguments[0], &evaluator)
                let (start, end) = (try arguments[1].asInt(), try arguments[2].asInt())
                guard start >= 0, end >= 0 else {
                    throw CELError("cannot slice(\(start), \(end)), negative indexes not supported")
                }
                guard start <= end else {
                    throw CELError(
                        "cannot slice(\(start), \(end)), start index must be less than or equal to end index")
                }
                guard end <= values.count else {
                    throw CELError("cannot slice(\(start), \(end)), list is length \(values.count)")
                }
                return .list(CELList(Array(values[Int(start)..<Int(end)])))
            },
            member("flatten", [listOfElements], .list(.dyn)) { (evaluator, arguments) throws(CELError) in
                .list(CELList(try flattened(arguments[0], depth: 1, &evaluator)))
            },
            member("flatten", [listOfElements, .int], .list(.dyn)) { (evaluator, arguments) throws(CELError) in
                let depth = try arguments[1].asInt()
                guard depth >= 0 else { throw CELError("level must be non-negative") }
                return .list(CELList(try flattened(arguments[0], depth: min(depth, 100), &evaluator)))
            },
            function("lists.range", [.int], .list(.int)) { (evaluator, arguments) throws(CELError) in
                let count = max(0, try arguments[0].asInt())
                try evaluator.spend(Int(clamping: count))
                return .list(CELList((0..<count).map { .int($0) }))
            },
        ]

    private static func spent(_ list: CELValue, _ evaluator: inout CELEvaluator) throws(CELError) -> [CELValue] {
        let list = try list.asList()
        try evaluator.spend(list.count)
        return try list.values()
    }

    private static func extreme(
        _ list: CELValue, _ name: String, _ evaluator: inout CELEvaluator, _ isBetter: (Int) -> Bool
    ) throws(CELError) -> CELValue {
        let values = try spent(list, &evaluator)
        guard var best = values.first else { throw CELError("\(name) called on empty list") }
        for value in values.dropFirst() {
            guard let order = CELEquality.compare(value, best) else { throw .noOverload(name) }
            if isBetter(order) { best = value }
        }
        return best
    }

    /// It uses the operator, for its checks of overflow. The sum of an empty list with an unknown type is an int.
    private static func sum(
        _ list: CELValue, _ type: CELType, _ evaluator: inout CELEvaluator
    ) throws(CELError) -> CELValue {
        let values = try spent(list, &evaluator)
        guard var total = values.first else {
            switch type {
            case .double: return .double(0)
            case .uint: return .uint(0)
            case .duration: return .duration(0)
            default: return .int(0)
            }
        }
        for value in values.dropFirst() {
            guard
                let add = functions["_+_"]?.first(where: { overload in
                    total.fits(overload.parameters[0]) && value.fits(overload.parameters[1])
                })
            else { throw .noOverload("sum") }
            total = try add.body(&evaluator, [total, value])
        }
        return total
    }

    private static func flattened(
        _ list: CELValue, depth: Int64, _ evaluator: inout CELEvaluator
    ) throws(CELError) -> [CELValue] {
        var result: [CELValue] = []
        for value in try spent(list, &evaluator) {
            if depth > 0, case .list = value {
                result += try flattened(value, depth: depth - 1, &evaluator)
            } else {
                result.append(value)
            }
        }
        return result
    }

    /// cel-go's sets: lists without order and repetition.
    static let sets: [Entry] = [
        set("sets.contains") { left, right in right.allSatisfy { has(left, $0) } },
        set("sets.equivalent") { left, right in
            right.allSatisfy { has(left, $0) } && left.allSatisfy { has(right, $0) }
        },
        set("sets.intersects") { left, right in right.contains { has(left, $0) } },
    ]

    private static func has(_ values: [CELValue], _ value: CELValue) -> Bool {
        values.contains { CELEquality.equal($0, value) }
    }
    private static func set(
        _ name: String, _ body: @escaping @Sendable ([CELValue], [CELValue]) -> Bool
    ) -> Entry {
        function(name, [listOfElements, listOfElements], .bool) { (evaluator, arguments) throws(CELError) in
            let (left, right) = (try spent(arguments[0], &evaluator), try spent(arguments[1], &evaluator))
            try evaluator.spend(left.count * right.count)
            return .bool(body(left, right))
        }
    }
}
