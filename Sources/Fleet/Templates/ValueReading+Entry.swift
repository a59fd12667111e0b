extension ValueReading {
    /// The value under a key of a Secret or ConfigMap.
    ///
    /// - Parameters:
    ///   - text: nil if there is no such key; an empty optional if its value is not text.
    ///   - place: for example "Secret x".
    public init(_ text: String??, of place: String, key: String) {
        guard let text else {
            self = .missing("\(place) has no key \(key)")
            return
        }
        // The last line break is dropped, as it is by Flyte's `valueFrom` in YAML. Files made by `--from-file` have
        // one.
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
