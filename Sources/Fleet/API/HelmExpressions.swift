/// Helm replaces expressions like `{{ .Values.x }}` when it renders the chart. Values that were copied before that
/// still contain them, and would be applied as they are.
public enum HelmExpressions {
    /// Finds `{{` followed by `.` or `$`, or by a function with an argument, after an optional dash and blanks.
    /// Example: `{{ include "x" . }}`.
    public static func isIn(_ text: String) -> Bool {
        var rest = text.utf8[...]
        while let open = rest.firstIndex(of: UInt8(ascii: "{")) {
            rest = rest[rest.index(after: open)...]
            guard rest.first == UInt8(ascii: "{") else { continue }
            var inner = rest.dropFirst()
            if inner.first == UInt8(ascii: "-") { inner = inner.dropFirst() }
            inner = inner.drop { $0 == UInt8(ascii: " ") }
            if let first = inner.first, first == UInt8(ascii: ".") || first == UInt8(ascii: "$") { return true }
            let afterWord = inner.prefix(128).drop(while: isWord)
            guard afterWord.startIndex != inner.startIndex, afterWord.first == UInt8(ascii: " ") else { continue }
            let argument = afterWord.drop { $0 == UInt8(ascii: " ") }.first
            if let argument, #"."$(|"#.utf8.contains(argument) { return true }
        }
        return false
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
    }

    /// What the user can do instead.
    package static let advice =
        "is not rendered yet: it has an expression of Helm's. Take the values that Helm made of it, from the ConfigMap "
        + "flyte-clusterresourcesync-config, key cluster_resources.yaml, or name that key with spec.importFrom"

    static func problems(of values: TemplateValues, at path: String) -> [SpecProblem] {
        values.filter { isIn($0.value.text) }.keys.sorted().map { SpecProblem("\(path).\($0.shortForMessage)", advice) }
    }

    static func problems(ofDomains values: [String: TemplateValues], at path: String) -> [SpecProblem] {
        values.sorted { $0.key < $1.key }.flatMap { problems(of: $0.value, at: "\(path).\($0.key.shortForMessage)") }
    }
}
