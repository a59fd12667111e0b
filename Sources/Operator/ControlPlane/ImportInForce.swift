import Fleet

/// The values of the registry's `importFrom`, and their state for its status.
///
/// The last usable values stay in force while the ConfigMap is missing or can't be understood. After a restart there
/// are none. Then nothing is rendered until the ConfigMap is mended, since the values of a domain would be missing too.
struct ImportInForce: Sendable {
    /// Nil if the registry names no ConfigMap.
    private(set) var values: FlyteImport?
    private(set) var state = RegistryFacts.Values.valid
    /// The last usable values, and the text that they were read from.
    private var good: (text: String, values: FlyteImport)?

    static let none = ImportInForce()
    private init() {}

    /// - Parameter read: reads a ConfigMap by name.
    init(_ reference: KeyReference?, previous: ImportInForce, _ read: (String) -> NamedConfigMaps.Reading) {
        guard let reference else { return }
        good = previous.good
        let reading = read(reference.name)
        if let problem = reading.problem(reference.name) {
            state = .configMapNotFound(message("spec.importFrom: " + problem + Self.hint))
        } else if case .present(let data) = reading {
            take(data[reference.key], reference)
        } else {
            state = .pending
        }
        values = good?.values ?? FlyteImport(gap: gap)
    }

    private static let hint =
        " (the flyte-core chart has its own only with cluster_resource_manager.enabled and standalone_deploy)"

    private mutating func take(_ text: String?, _ reference: KeyReference) {
        let place = "spec.importFrom: ConfigMap \(reference.name)"
        guard let text else {
            state = .invalid(message("\(place) has no key \(reference.key)"))
            return
        }
        if good?.text == text { return }
        do throws(SpecProblem) {
            good = (text, try FlyteImport(parsing: text))
        } catch {
            state = .invalid(message("\(place), \(error)"))
        }
    }

    private func message(_ problem: String) -> String {
        problem + (good == nil ? "; nothing is applied" : "; the values read before stay in force")
    }

    private var gap: FlyteImport.Gap? {
        switch state {
        case .valid: nil
        case .pending: .pending
        case .configMapNotFound(let text), .invalid(let text): .unusable(text)
        }
    }
}
