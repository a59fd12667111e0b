import Fleet
import JSON
import Support
import YAML

/// The change of an object as a unified diff of its YAML. Values that came from a Secret are hidden.
struct ObjectDiff: Sendable {
    /// A longer diff is cut.
    static let mostLines = 2_000
    private static let hidden: JSON = .string(Redaction.mark)
    private static let hiddenAnother: JSON = .string(Redaction.mark + " (another one)")

    let lines: [String]

    /// - Parameters:
    /// - path: the object's name in the heading.
    /// - old: nil for an object that would be created.
    /// - new: nil for an object that would be deleted.
    /// - secrets: the fields that hold values of a Secret.
    /// - unchanged: the text where no field differs.
    init(
        _ path: String, old: JSON?, new: JSON?, secrets: SecretFields, redaction: Redaction,
        unchanged: String = "no field changes, only the owners of fields"
    ) {
        let (before, after) = Self.hiding(old.map(Self.form), new.map(Self.form), secrets)
        var hunks = LineDiff.unified(Self.text(before), Self.text(after))
        if hunks.isEmpty { hunks = ["# " + unchanged] }
        if hunks.count > Self.mostLines {
            let left = hunks.count - Self.mostLines
            hunks = hunks.prefix(Self.mostLines) + ["# and \(left) more lines"]
        }
        let head = ["--- " + (old == nil ? "/dev/null" : path), "+++ " + (new == nil ? "/dev/null" : path)]
        lines = head + hunks.map { redaction.clean($0) }
    }

    /// Two changes of different objects with the same essence are the same change: the removed and added lines, without
    /// their context.
    var essence: String { lines.dropFirst(2).filter { $0.hasPrefix("-") || $0.hasPrefix("+") }.joined(separator: "\n") }
    var text: String { lines.joined(separator: "\n") + "\n" }

    /// The object without the server's own fields and without our own hash of the content.
    static func form(_ object: JSON) -> JSON {
        var form = object
        form["status"] = nil
        for field in [
            "managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink",
        ] { form[path: ["metadata", field]] = nil }
        for annotation in [Ownership.appliedHashAnnotation, "kubectl.kubernetes.io/last-applied-configuration"] {
            form[path: ["metadata", "annotations", annotation]] = nil
        }
        if form[path: ["metadata", "annotations"]] == [:] { form[path: ["metadata", "annotations"]] = nil }
        return form
    }

    private static func text(_ value: JSON?) -> [String] {
        guard let value else { return [] }
        var lines = YAML.emit(value).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    /// If the hidden values differ, the diff says so.
    private static func hiding(_ old: JSON?, _ new: JSON?, _ secrets: SecretFields) -> (JSON?, JSON?) {
        switch secrets {
        case .none: return (old, new)
        case .all:
            let before = old.map { _ in hidden }
            return (before, new.map { $0 == old || old == nil ? hidden : hiddenAnother })
        case .fields(let fields):
            var (before, after) = (old, new)
            for (name, inner) in fields {
                let (left, right) = hiding(old?[name], new?[name], inner)
                if old?[name] != nil { before?[name] = left }
                if new?[name] != nil { after?[name] = right }
            }
            return (before, after)
        case .members:
            let names = Set(old?.object?.keys ?? [:].keys).union(new?.object?.keys ?? [:].keys)
            let each = Dictionary(uniqueKeysWithValues: names.map { ($0, SecretFields.all) })
            return hiding(old, new, .fields(each))
        }
    }
}

/// Which fields of an object hold values of a Secret.
indirect enum SecretFields: Sendable, Hashable {
    case none
    case all
    /// The values of the members are hidden. Their names are not secret.
    case members
    case fields([String: SecretFields])

    /// The fields in which an object differs from the same object made with other texts in place of the Secrets'
    /// values.
    static func between(_ real: JSON, _ shadow: JSON?) -> SecretFields {
        if real == shadow { return .none }
        guard let members = real.object, let others = shadow?.object, members.count == others.count,
            members.keys.allSatisfy({ others[$0] != nil })
        else { return .all }
        let fields = members.reduce(into: [String: SecretFields]()) { fields, member in
            let inner = between(member.value, others[member.key])
            if inner != .none { fields[member.key] = inner }
        }
        return .fields(fields)
    }

    /// The fields of any Secret that hold its values.
    static let ofSecret = SecretFields.fields(["data": .members, "stringData": .members])
}
