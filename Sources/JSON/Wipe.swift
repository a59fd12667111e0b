extension JSON {
    /// Overwrites the texts of a value in memory, and leaves null: for an answer that holds a Secret.
    ///
    /// `replaceSubrange` works in place on a string with one holder, and on a new copy of a string with more holders.
    /// So a string that a decoded object took over (names, labels) stays as it is. Texts of up to 15 bytes have no
    /// memory of their own. Keys stay.
    public mutating func wipe() {
        // The value is taken out of `self`, and then out of `taken`: a second holder, even for this scope alone, would
        // keep all of it.
        var taken = JSON.null
        swap(&taken, &self)
        switch consume taken {
        case .string(var text): text.wipe()
        case .array(var elements): for index in elements.indices { elements[index].wipe() }
        case .object(var members):
            // This does not loop over `indices`: they hold the dictionary as well, so the change would go to a copy.
            var index = members.values.startIndex
            while index != members.values.endIndex {
                members.values[index].wipe()
                members.values.formIndex(after: &index)
            }
        case .null, .bool, .int, .double: break
        }
    }
}

extension String {
    /// Zeroes the bytes in memory where nobody else holds them.
    mutating func wipe() {
        replaceSubrange(startIndex..<endIndex, with: String(repeating: "\0", count: utf8.count))
    }
}
