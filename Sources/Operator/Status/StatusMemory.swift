import Fleet
import JSON
import KubeObjects
import Support

/// What is known of each object beside what the object itself holds.
final class StatusMemory: Sendable {
    struct Notes: Sendable {
        /// How long it waits for a first result.
        var result = Patience()
        /// How long it waits for the publishing of its generation.
        var publishing = Patience()
        /// The status that it got while it did not fit its type. Nil if it fits.
        var malformed: JSON?
        /// The latest warning of each credential for which an event was made.
        var warned: [ExpiryWarning.Credential: ExpiryWarning] = [:]
    }
    /// By UID.
    private let notes = Locked<[String: Notes]>([:])

    func with<Result: Sendable>(_ metadata: ObjectMeta, _ body: (inout Notes) -> Result) -> Result {
        notes.withLock { body(&$0[metadata.uid ?? metadata.name, default: Notes()]) }
    }

    /// - Parameter uids: of the objects that there are.
    func retain(_ uids: Set<String>) { notes.withLock { $0 = $0.filter { uids.contains($0.key) } } }
    var count: Int { notes.withLock { $0.count } }
}
