import Support

/// A part of a URL's path that a user typed.
enum PathSegment {
    /// Nil if no encoding helps: an empty part would give another URL, and servers resolve "." and ".." even if they
    /// are encoded.
    static func encode(_ text: String) -> String? {
        text.isEmpty || text == "." || text == ".." ? nil : text.percentEncoded
    }
}
