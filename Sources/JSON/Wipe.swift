extension JSON {
    /// Overwrites the texts of a value in memory, and leaves null: for an answer that holds a Secret.
    ///
    /// Swift has no way to clear a string that somebody else holds as well, and none is needed: `replaceSubrange` works
    /// in place where the string is held by nobody else, and on a copy of its own otherwise. So what a decoded object
    /// took over (names, labels) stays as it is. Texts of up to 15 bytes are not in memory of their own. Keys stay.
    public mutating func wipe() {
        // Taken out of `self` and then out of `taken`: a second holder, were it only for this scope, would keep it all.
        var taken = JSON.null
        swap(&taken, &self)
        switch consume taken {
        case .string(var text): text.wipe()
        case .array(var elements): for index in elements.indices { elements[index].wipe() }
        case .object(var members):
            // Not over `indices`: they hold the dictionary as well, and what is changed is a copy.
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
