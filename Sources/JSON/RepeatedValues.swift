import Glibc

/// The values of one member that many objects of a text have, by their text.
///
/// In a list of objects of one kind, what a manager owns of each (`managedFields`) is mostly the same text. To read it
/// once takes less time, and the values that share it less memory.
struct RepeatedValues {
    struct Known {
        let value: JSON
        /// How deep and how large the parser could still go when it was read, and what it took of that.
        let depth: Int
        let values: Int
        fileprivate let text: UnsafePointer<UInt8>
        fileprivate let count: Int
    }

    /// Nil: nothing is kept.
    let key: String?
    /// Each text has one slot, and the last one with that slot stays. So texts that are made to collide cost no more
    /// than different texts.
    private var slots: [Known?]

    init(of key: String?, forTextOf count: Int) {
        self.key = count < 8 << 10 ? nil : key
        slots = self.key == nil ? [] : [Known?](repeating: nil, count: 32)
    }

    /// The text must stay valid.
    subscript(text: UnsafePointer<UInt8>, count: Int) -> Known? {
        guard let known = slots[Self.slot(text, count)], known.count == count, memcmp(known.text, text, count) == 0
        else { return nil }
        return known
    }

    mutating func keep(_ value: JSON, _ text: UnsafePointer<UInt8>, _ count: Int, depth: Int, values: Int) {
        guard count > 0 else { return }
        slots[Self.slot(text, count)] = Known(value: value, depth: depth, values: values, text: text, count: count)
    }

    private static func slot(_ text: UnsafePointer<UInt8>, _ count: Int) -> Int {
        (count &* 31 &+ Int(text[count / 2]) &* 7 &+ Int(text[count / 3])) & 31
    }
}
