/// Decides whether surplus objects may be deleted, as a value.
///
/// The question is answered once for each plan, since the answer takes a walk through all objects. A namespace that was
/// held back stays so until it has no surplus or the answer changes. A later plan that leaves these objects as they are
/// changes neither that nor its message.
struct PruneGate<Version: Hashable & Sendable>: Sendable {
    private var judged: (version: Version, objection: String?)?
    /// The reason for each namespace whose surplus was held back.
    private var held: [String: String] = [:]
    /// The surplus object of each namespace that is deleted and not gone yet. A finalizer keeps it.
    private var ending: [String: String] = [:]

    /// Nil if that plan has not been judged. Else its objection, which is nil if there is none.
    func objection(on version: Version) -> String?? {
        guard let judged, judged.version == version else { return nil }
        return .some(judged.objection)
    }

    mutating func judge(_ version: Version, _ objection: String?) { judged = (version, objection) }

    /// True if the message has changed.
    mutating func hold(_ namespace: String, _ objection: String) -> Bool {
        defer { held[namespace] = objection }
        return held[namespace] != objection
    }

    /// The namespace has no surplus any more. True if it was held back.
    mutating func release(_ namespace: String) -> Bool { held.removeValue(forKey: namespace) != nil }

    /// - Parameter object: nil if every deleted object of that namespace is gone. True if that has changed.
    mutating func awaitEnd(of object: String?, in namespace: String) -> Bool {
        defer { ending[namespace] = object }
        return ending[namespace] != object
    }

    /// The deleted object that this namespace waits for.
    func ending(in namespace: String) -> String? { ending[namespace] }
    /// The first namespace by name that waits for the end of a deleted object.
    var firstEnding: (namespace: String, object: String)? {
        ending.min { $0.key < $1.key }.map { (namespace: $0.key, object: $0.value) }
    }

    /// - Parameter mayBeHeld: false for a namespace that is not wanted, and for each if nothing is pruned.
    mutating func retain(where mayBeHeld: (String) -> Bool) {
        if !held.isEmpty { held = held.filter { mayBeHeld($0.key) } }
        if !ending.isEmpty { ending = ending.filter { mayBeHeld($0.key) } }
    }

    var heldNamespaces: [String] { Array(held.keys) }

    /// The message for the objects that were held back. Nil if there are none.
    var objection: String? { held.isEmpty ? nil : judged?.objection ?? held.values.min() }
}
