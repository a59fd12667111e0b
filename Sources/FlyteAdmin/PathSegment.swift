import Support

/// A part of a URL's path that comes from what a user typed.
enum PathSegment {
    /// Nil where no encoding helps: an empty part would be another URL, and servers resolve "." and ".." also where they
    /// are encoded.
    static func encode(_ text: String) -> String? {
        text.isEmpty || text == "." || text == ".." ? nil : text.percentEncoded
    }
}
