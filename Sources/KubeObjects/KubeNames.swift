/// What the API server accepts as names, labels and annotations, with the reason in words where it does not.
///
/// Every function answers nil for what is valid, else a sentence's end: `"Team" must not contain "T": …`.
/// The rules are those of `k8s.io/apimachinery/pkg/util/validation` and `…/api/validation`.
public enum KubeNames {
    public static let maximumLabelLength = 63
    public static let maximumSubdomainLength = 253
    /// The keys and values of all annotations of an object together.
    public static let maximumAnnotationsSize = 256 << 10

    /// RFC 1123 label: names of Namespaces.
    public static func problem(withLabel name: String) -> String? {
        if let problem = lengthProblem(name, maximum: maximumLabelLength) { return problem }
        return labelProblem(name, whole: name)
    }

    /// RFC 1123 subdomain: names of most objects. A part between dots has no limit of its own, as in Kubernetes.
    public static func problem(withSubdomain name: String) -> String? {
        if let problem = lengthProblem(name, maximum: maximumSubdomainLength) { return problem }
        for part in name.split(separator: ".", omittingEmptySubsequences: false) {
            if part.isEmpty { return "\(quoted(name)) must not start or end with \".\" nor have two in a row" }
            if let problem = labelProblem(part, whole: name) { return problem }
        }
        return nil
    }

    /// A label's value. The empty one is valid.
    public static func problem(withLabelValue value: String) -> String? {
        value.isEmpty ? nil : qualifiedPartProblem(value)
    }

    /// A label's key: `[prefix/]name`.
    public static func problem(withLabelKey key: String) -> String? { qualifiedNameProblem(key) }

    /// An annotation's key: as a label's, but the prefix may have capitals.
    public static func problem(withAnnotationKey key: String) -> String? { qualifiedNameProblem(key.lowercased()) }

    /// All annotations of an object together.
    public static func problem(withAnnotations annotations: [String: String]) -> String? {
        var size = 0
        for (key, value) in annotations.sorted(by: { $0.key < $1.key }) {
            if let problem = problem(withAnnotationKey: key) { return problem }
            size += key.utf8.count + value.utf8.count
        }
        return size <= maximumAnnotationsSize ? nil : "annotations of \(size) bytes are over the limit of 262144"
    }

    private static func lengthProblem(_ name: String, maximum: Int) -> String? {
        if name.isEmpty { return "it must not be empty" }
        let length = name.utf8.count
        return length <= maximum ? nil : "\(quoted(name)) has \(length) bytes, more than \(maximum)"
    }

    private static func labelProblem(_ part: some StringProtocol, whole: String) -> String? {
        for character in part.unicodeScalars where !isLowercaseAlphanumeric(character) && character != "-" {
            return "\(quoted(whole)) must not contain \(quoted(String(character))): "
                + "only lower-case letters a-z, digits and \"-\" are allowed"
        }
        if part.hasPrefix("-") || part.hasSuffix("-") {
            return "\(quoted(whole)) must start and end with a letter or digit"
        }
        return nil
    }

    private static func qualifiedNameProblem(_ key: String) -> String? {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false)
        switch parts.count {
        case 1: return qualifiedPartProblem(key)
        case 2:
            if let problem = problem(withSubdomain: String(parts[0])) { return "the prefix is invalid: \(problem)" }
            return qualifiedPartProblem(String(parts[1]))
        default: return "\(quoted(key)) must not have more than one \"/\""
        }
    }

    private static func qualifiedPartProblem(_ part: String) -> String? {
        if let problem = lengthProblem(part, maximum: maximumLabelLength) { return problem }
        func isAlphanumeric(_ character: Unicode.Scalar) -> Bool {
            isLowercaseAlphanumeric(character) || ("A"..."Z").contains(character)
        }
        for character in part.unicodeScalars
        where !isAlphanumeric(character) && !"-_.".unicodeScalars.contains(character) {
            return "\(quoted(part)) must not contain \(quoted(String(character))): "
                + "only letters a-z and A-Z, digits, \"-\", \"_\" and \".\" are allowed"
        }
        guard let first = part.unicodeScalars.first, let last = part.unicodeScalars.last, isAlphanumeric(first),
            isAlphanumeric(last)
        else { return "\(quoted(part)) must start and end with a letter or digit" }
        return nil
    }

    private static func isLowercaseAlphanumeric(_ character: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(character) || ("0"..."9").contains(character)
    }

    /// Shortened and without control characters, so that a hostile name can't fill or forge a status message.
    private static func quoted(_ text: String) -> String {
        var result = ""
        for (count, character) in text.unicodeScalars.enumerated() {
            if count == 80 { return "\"\(result)…\"" }
            result.unicodeScalars.append(character.properties.generalCategory == .control ? "\u{FFFD}" : character)
        }
        return "\"\(result)\""
    }
}
