import Fleet

/// The templates that are rendered, and what is to be said of the ConfigMap that they are from.
///
/// The last usable ones stay in force while a ConfigMap is missing or does not compile: a typo must not change what every
/// data plane holds. After a restart there are none to go by; then nothing is applied until the ConfigMap is mended.
struct TemplatesInForce: Sendable {
    /// Nil: none are known.
    private(set) var compiled: TemplateSet?
    private(set) var state: RegistryObservation.Templates
    /// Where `compiled` is from: the files, by name. Nil for the default templates.
    private var source: [String: String]?
    /// Another one for another `compiled`; compared within this process only.
    var fingerprint: Int { compiled == nil ? 0 : source.hashValue }

    /// What the flyte-core chart calls it.
    static let flytesConfigMap = "clusterresource-template"

    /// Nothing needs to be read for the default templates.
    static let standard = TemplatesInForce(
        compiled: .standard, state: .valid("the default templates: Namespace and default ServiceAccount"), source: nil)
    static let unknown = TemplatesInForce(compiled: nil, state: .pending, source: nil)

    private init(compiled: TemplateSet?, state: RegistryObservation.Templates, source: [String: String]?) {
        self.compiled = compiled
        self.state = state
        self.source = source
    }

    /// - Parameter reading: of the ConfigMap named so.
    init(_ name: String, _ reading: NamedConfigMaps.Reading, previous: TemplatesInForce) {
        self = previous
        if let problem = reading.problem(name) {
            state = .configMapNotFound(message(problem))
        } else if case .present(let files) = reading {
            if let compiled, files == source {
                state = .valid(summary(compiled, name))
            } else {
                compile(files, name)
            }
        } else {
            state = .pending
        }
    }

    private mutating func compile(_ files: [String: String], _ name: String) {
        do throws(TemplateFailure) {
            let new = try TemplateSet(files: files)
            compiled = new
            source = files
            state = .valid(summary(new, name))
        } catch {
            state = .invalid(message(error.description))
        }
    }

    private func summary(_ set: TemplateSet, _ name: String) -> String {
        "\(set.count) object\(set.count == 1 ? "" : "s") from ConfigMap \(name)"
    }

    private func message(_ problem: String) -> String {
        problem + (compiled == nil ? "; nothing is applied" : "; the templates read before stay in force")
    }

    /// Why nothing can be rendered; nil where something can, or where it is not known yet.
    var failure: TemplateFailure? {
        guard compiled == nil else { return nil }
        return switch state {
        case .pending, .valid: nil
        case .configMapNotFound(let text), .invalid(let text):
            TemplateFailure(.templateInvalid, file: "spec.templatesConfigMap", line: 0, text)
        }
    }
}
