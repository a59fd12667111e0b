import Glibc

/// The objects that are the values of one member in many places of a text, by their text.
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
        let count: Int
    }

    /// Nil: nothing is kept.
    let key: String?
    /// Each text has one slot, and the last one with that slot stays. So texts that are made to collide cost no more
    /// than different texts.
    private var slots: [Known?]
    /// The slots of the last different texts. An object has few managers, so the next text is mostly one of these, and then
    /// its end need not be searched.
    private var recent: [Int] = []

    init(of key: String?, forTextOf count: Int) {
        self.key = count < 8 << 10 ? nil : key
        slots = self.key == nil ? [] : [Known?](repeating: nil, count: 32)
    }

    /// The value of the object that ends the text's first `count` bytes. The text must stay valid.
    mutating func value(_ text: UnsafePointer<UInt8>, _ count: Int) -> Known? {
        let slot = Self.slot(text, count)
        guard let known = slots[slot], known.count == count, memcmp(known.text, text, count) == 0 else { return nil }
        noteRecent(slot)
        return known
    }

    /// The value that was read lately and that the text begins with. An object's text ends with its last bracket, so no
    /// other object begins with the same text.
    func recentValue(_ text: UnsafePointer<UInt8>, atMost count: Int) -> Known? {
        for slot in recent {
            if let known = slots[slot], known.count <= count, memcmp(known.text, text, known.count) == 0 {
                return known
            }
        }
        return nil
    }

    private mutating func noteRecent(_ slot: Int) {
        if recent.contains(slot) { return }
        if recent.count == 4 { recent.removeFirst() }
        recent.append(slot)
    }

    mutating func keep(_ value: JSON, _ text: UnsafePointer<UInt8>, _ count: Int, depth: Int, values: Int) {
        guard count > 0 else { return }
        let slot = Self.slot(text, count)
        slots[slot] = Known(value: value, depth: depth, values: values, text: text, count: count)
        noteRecent(slot)
    }

    private static func slot(_ text: UnsafePointer<UInt8>, _ count: Int) -> Int {
        (count &* 31 &+ Int(text[count / 2]) &* 7 &+ Int(text[count / 3])) & 31
    }
}
