/// The revision of templates, values and workload identity for each data plane.
public enum StagesInForce: Sendable {
    /// Changes go to all data planes at once.
    case off
    /// Changes are staged, but the state has not been read yet. Nothing is written.
    case unknown
    case staged(Assignment)

    public struct Assignment: Sendable {
        public var revisions: [String: Int64]
        /// The revision of a data plane that is not in `revisions` yet.
        public var fallback: Int64
        /// The revision with which data planes in Observe are compared, whatever they have.
        public var observed: Int64
        public var stages: [Int64: Stage]

        public init(revisions: [String: Int64], fallback: Int64, observed: Int64, stages: [Int64: Stage]) {
            self.revisions = revisions
            self.fallback = fallback
            self.observed = observed
            self.stages = stages
        }
    }

    /// One revision, ready to be rendered.
    public struct Stage: Sendable {
        public let number: Int64
        public let content: StagedContent
        public let templates: TemplateSet
        public let fingerprint: Int

        public init(_ number: Int64, _ content: StagedContent) {
            self.number = number
            self.content = content
            templates = content.templates.isEmpty ? .standard : TemplateSet(files: content.templates)
            fingerprint = templates.fingerprint
        }
    }

    /// What a data plane gets.
    public enum Place: Sendable {
        /// The present settings.
        case live
        case pending
        case stage(Stage)
    }

    public func place(of dataPlane: String, mode: Mode) -> Place {
        switch self {
        case .off: return .live
        case .unknown: return .pending
        case .staged(let assignment):
            let number =
                mode == .observe ? assignment.observed : assignment.revisions[dataPlane] ?? assignment.fallback
            return assignment.stages[number].map { .stage($0) } ?? .pending
        }
    }

    /// The sources that the revisions in use name.
    public var sources: [ValueSource] {
        guard case .staged(let assignment) = self else { return [] }
        return assignment.stages.values.flatMap(\.content.valuesFrom)
    }

    /// The data planes whose revision has changed. Nil if it may be all of them.
    public func changes(since before: StagesInForce) -> Set<String>? {
        switch (before, self) {
        case (.off, .off), (.unknown, .unknown): return []
        case (.staged(let old), .staged(let new)):
            guard old.fallback == new.fallback, old.observed == new.observed else { return nil }
            let names = Set(old.revisions.keys).union(new.revisions.keys)
            return names.filter { old.revisions[$0] ?? old.fallback != new.revisions[$0] ?? new.fallback }
        default: return nil
        }
    }

    /// Moves with everything that a data plane's plan depends on.
    public var key: [String: Int64]? {
        switch self {
        case .off: [:]
        case .unknown: nil
        case .staged(let assignment):
            assignment.revisions.merging(["": assignment.fallback, "*": assignment.observed]) { $1 }
        }
    }
}
