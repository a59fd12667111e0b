/// Whether what no template has any more may be deleted, as a value.
///
/// The question is answered once for each plan, since the answer takes a walk through all objects. What it held back is held
/// back until its namespace has nothing surplus any more or the answer is another: a later plan that says nothing of these
/// objects does not make them go, nor what is said of them.
struct PruneGate<Version: Hashable & Sendable>: Sendable {
    private var judged: (version: Version, objection: String?)?
    /// Namespaces that have something surplus which was held back, each with why.
    private var held: [String: String] = [:]

    /// Nil where that plan was not judged yet; else the objection, if there is one.
    func verdict(on version: Version) -> String?? {
        guard let judged, judged.version == version else { return nil }
        return .some(judged.objection)
    }

    mutating func judge(_ version: Version, _ objection: String?) { judged = (version, objection) }

    /// True where what there is to say becomes another.
    mutating func hold(_ namespace: String, _ objection: String) -> Bool {
        defer { held[namespace] = objection }
        return held[namespace] != objection
    }

    /// Nothing is surplus there any more. True where something was.
    mutating func release(_ namespace: String) -> Bool { held.removeValue(forKey: namespace) != nil }

    /// - Parameter wanted: the namespaces that are looked at; none where nothing is pruned.
    mutating func retain(_ wanted: Set<String>) {
        if held.isEmpty { return }
        held = held.filter { wanted.contains($0.key) }
    }

    var heldNamespaces: [String] { Array(held.keys) }

    /// What to say of the objects that were held back; nil where there are none.
    var objection: String? { held.isEmpty ? nil : judged?.objection ?? held.values.min() }
}
