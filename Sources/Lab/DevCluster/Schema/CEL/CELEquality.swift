import JSON

/// Equality and order of values. Numbers of different types compare by value. Other values of different types are
/// unequal.
enum CELEquality {
    static func equal(_ left: CELValue, _ right: CELValue) -> Bool {
        switch (left, right) {
        case (.null, .null): return true
        case (.bool(let left), .bool(let right)): return left == right
        case (.string(let left), .string(let right)): return left.utf8.elementsEqual(right.utf8)
        case (.bytes(let left), .bytes(let right)): return left == right
        case (.duration(let left), .duration(let right)): return left == right
        case (.timestamp(let left), .timestamp(let right)): return left == right
        case (.type(let left), .type(let right)): return left == right
        case (.url(let left), .url(let right)): return left.text == right.text
        case (.optional(let left), .optional(let right)):
            guard let left, let right else { return left == nil && right == nil }
            return equal(left, right)
        case (.list(let left), .list(let right)): return equal(left, right)
        case (.record(let left, let schema), .record(let right, let other)) where schema == other:
            return left == right || equalEntries(.record(left, schema), .record(right, other))
        case (.map, .map), (.map, .record), (.record, .map), (.record, .record): return equalEntries(left, right)
        default: return compareNumbers(left, right) == .some(0)
        }
    }

    private static func equal(_ left: CELList, _ right: CELList) -> Bool {
        guard left.count == right.count, let lefts = try? left.values(), let rights = try? right.values() else {
            return false
        }
        // Sets and maps have no order.
        guard left.type == "set" || left.type == "map" else {
            return zip(lefts, rights).allSatisfy { equal($0, $1) }
        }
        return lefts.allSatisfy { element in rights.contains { equal(element, $0) } }
    }

    private static func equalEntries(_ left: CELValue, _ right: CELValue) -> Bool {
        guard let keys = Self.keys(left), let others = Self.keys(right), keys.count == others.count else {
            return false
        }
        return keys.allSatisfy { key in
            guard let left = try? CELEvaluator.member(left, key), let right = try? CELEvaluator.member(right, key)
            else {
                return false
            }
            return equal(left, right)
        }
    }

    /// The keys of a map, or the keys of an object that rules can see.
    static func keys(_ value: CELValue) -> [CELValue]? {
        switch value {
        case .map(let entries): return entries.map(\.key)
        case .record(let members, let record):
            let isMap = record.schema.additionalProperties.schema != nil
            return members.keys.sorted().compactMap { name -> CELValue? in
                if isMap { return .string(name) }
                guard record.property(name) != nil, members[name] != .null else { return nil }
                return CELEscaping.escaped(name).map { .string($0) }
            }
        default: return nil
        }
    }

    /// Negative, zero or positive. Nil unless both are numbers and neither is NaN.
    static func compareNumbers(_ left: CELValue, _ right: CELValue) -> Int? {
        func sign<T: Comparable>(_ left: T, _ right: T) -> Int { left < right ? -1 : left == right ? 0 : 1 }
        switch (left, right) {
        case (.int(let left), .int(let right)): return sign(left, right)
        case (.uint(let left), .uint(let right)): return sign(left, right)
        case (.double(let left), .double(let right)): return left.isNaN || right.isNaN ? nil : sign(left, right)
        case (.int(let left), .uint(let right)): return left < 0 ? -1 : sign(UInt64(left), right)
        case (.uint, .int), (.double, .int), (.double, .uint): return compareNumbers(right, left).map { -$0 }
        case (.int(let left), .double(let right)):
            if right.isNaN { return nil }
            if right >= 0x1p63 { return -1 }
            if right < -0x1p63 { return 1 }
            let whole = Int64(right)
            return left == whole ? sign(0, right - Double(whole)) : sign(left, whole)
        case (.uint(let left), .double(let right)):
            if right.isNaN { return nil }
            if right >= 0x1p64 { return -1 }
            if right < 0 { return 1 }
            let whole = UInt64(right)
            return left == whole ? sign(0, right - Double(whole)) : sign(left, whole)
        default: return nil
        }
    }

    /// Nil for values without an order.
    static func compare(_ left: CELValue, _ right: CELValue) -> Int? {
        func sign<T: Comparable>(_ left: T, _ right: T) -> Int { left < right ? -1 : left == right ? 0 : 1 }
        func sign(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> Int {
            left.elementsEqual(right) ? 0 : left.lexicographicallyPrecedes(right) ? -1 : 1
        }
        switch (left, right) {
        case (.bool(let left), .bool(let right)): return sign(left ? 1 : 0, right ? 1 : 0)
        case (.string(let left), .string(let right)): return sign(left.utf8, right.utf8)
        case (.bytes(let left), .bytes(let right)): return sign(left, right)
        case (.duration(let left), .duration(let right)): return sign(left, right)
        case (.timestamp(let left), .timestamp(let right)): return sign(left, right)
        default: return compareNumbers(left, right)
        }
    }

    /// Stable; throws for elements without a common order.
    static func sorted<T>(_ elements: [T], by value: (T) -> CELValue) throws(CELError) -> [T] {
        var fault: CELError?
        let result = elements.sorted { left, right in
            guard let order = compare(value(left), value(right)) else {
                fault = .noOverload("sort")
                return false
            }
            return order < 0
        }
        if let fault { throw fault }
        return result
    }

    /// An index: an integer, perhaps as a uint or double.
    static func integer(_ value: CELValue) -> Int64? {
        switch value {
        case .int(let number): number
        case .uint(let number): Int64(exactly: number)
        case .double(let number): Int64(exactly: number)
        default: nil
        }
    }
}
