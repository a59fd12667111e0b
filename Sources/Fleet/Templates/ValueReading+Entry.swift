extension ValueReading {
    /// What a key of a Secret or ConfigMap comes to.
    ///
    /// - Parameters:
    ///   - text: nil where the key isn't there, an empty optional where its value isn't text.
    ///   - place: "Secret x".
    public init(_ text: String??, of place: String, key: String) {
        guard let text else {
            self = .missing("\(place) has no key \(key)")
            return
        }
        // As Flyte's own `valueFrom`, pasted into YAML, and as `--from-file` makes them: the last line has its end.
        self = text.map { .text($0.withoutLineEnd) } ?? .missing("\(place), key \(key): no UTF-8")
    }
}

extension String {
    fileprivate var withoutLineEnd: String {
        var text = self[...]
        while text.last?.isNewline == true { text.removeLast() }
        return String(text)
    }
}
