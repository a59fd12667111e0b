import Fleet

/// The templates that are rendered, and the state of their ConfigMap for the registry's status.
///
/// The last usable templates stay in force while the ConfigMap is missing or none of its files compiles: a typo must
/// not change what every data plane holds. After a restart there are none, so nothing is applied until the ConfigMap is
/// mended. If only some files fail to compile, the others are in force (`TemplateSet`).
struct TemplatesInForce: Sendable {
    /// Nil if no templates are known.
    private(set) var compiled: TemplateSet?
    private(set) var state: RegistryFacts.Templates
    /// Differs for another `compiled`. Compare it only within this process.
    private(set) var fingerprint: Int
    /// The files that were read last, and what they compiled to. Nil for the default templates.
    private var source: [String: String]?
    private var read: TemplateSet?

    /// The name of the ConfigMap in the flyte-core chart.
    static let flytesConfigMap = "clusterresource-template"

    /// The default templates, which need no ConfigMap.
    static let standard = TemplatesInForce(
        compiled: .standard, state: .valid("the default templates: Namespace and default ServiceAccount"))
    static let unknown = TemplatesInForce(compiled: nil, state: .pending)

    private init(compiled: TemplateSet?, state: RegistryFacts.Templates) {
        self.compiled = compiled
        self.state = state
        fingerprint = compiled?.fingerprint ?? 0
    }

    /// - Parameter reading: what is known of the ConfigMap.
    init(_ name: String, _ reading: NamedConfigMaps.Reading, previous: TemplatesInForce) {
        self = previous
        if let problem = reading.problem(name) {
            state = .configMapNotFound(problem + hint(reading) + Self.consequence(ofMissing: compiled))
        } else if case .present(let files) = reading {
            if source == nil || files != source { take(files) }
            if let read { state = state(of: read, name) }
        } else {
            state = .pending
        }
    }

    /// Whether any file of the ConfigMap is not in force as written.
    var isBroken: Bool { compiled == nil || read?.broken.isEmpty == false }

    private func hint(_ reading: NamedConfigMaps.Reading) -> String {
        guard case .absent = reading else { return "" }
        return " (the flyte-core chart takes its own away with cluster_resource_manager.enabled: false)"
    }

    private static func consequence(ofMissing compiled: TemplateSet?) -> String {
        compiled == nil ? "; nothing is applied" : "; the templates read before stay in force"
    }

    private mutating func take(_ files: [String: String]) {
        let new = TemplateSet(files: files, previous: source == nil ? nil : compiled)
        (source, read) = (files, new)
        if new.isIncomplete, new.count == 0 { return }
        compiled = new
        fingerprint = new.fingerprint
    }

    private func state(of set: TemplateSet, _ name: String) -> RegistryFacts.Templates {
        let summary = "\(set.count) object\(set.count == 1 ? "" : "s") from ConfigMap \(name)"
        let ignored =
            set.ignoredKeys.isEmpty
            ? "" : "; not taken, since only keys that end in .yaml are templates: \(set.ignoredKeys.summary)"
        guard !set.broken.isEmpty else { return .valid(summary + ignored) }
        let broken = set.broken.map { file in
            let consequence = file.hasLastGood ? "its last good version stays in force" : "nothing of it is applied"
            return "\(file.failure) (\(consequence))"
        }
        let isInForce = !set.isIncomplete || set.count > 0
        let consequence = isInForce ? "; in force: " + summary : Self.consequence(ofMissing: compiled)
        return .invalid(broken.joined(separator: "; ") + consequence + ignored)
    }

    /// Why nothing can be rendered. Nil if something can, or if that is not known yet.
    var failure: TemplateFailure? {
        guard compiled == nil else { return nil }
        return switch state {
        case .pending, .valid: nil
        case .configMapNotFound(let text), .invalid(let text):
            TemplateFailure(.templateInvalid, file: "spec.templatesConfigMap", line: 0, text)
        }
    }
}

extension [String] {
    /// For example "a, b, c, d, e and 4 more".
    fileprivate var summary: String {
        prefix(5).joined(separator: ", ") + (count > 5 ? " and \(count - 5) more" : "")
    }
}
