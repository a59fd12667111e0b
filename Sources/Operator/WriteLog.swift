import Fleet
import Logging

/// What the log says of a write: one line at info for each, with the same fields each time. What has no value is `-`.
///
/// A cold sync writes tens of thousands of objects, so a line costs no more than its text: nothing is read or kept for it.
struct WriteLine: Sendable, Hashable {
    enum Reason: String, Sendable, Hashable {
        /// It was not there.
        case missing = "Missing"
        /// It was there, and not as it should be.
        case differs = "Differs"
        /// It was there before us, and becomes ours.
        case adopted = "Adopted"
        /// What Flyte's managers own of it becomes ours.
        case takenOver = "TakenOver"
        case pruned = "Pruned"
        case published = "Published"
        case removed = "Removed"
        case registered = "Registered"
        case restarted = "Restarted"
        case writtenBack = "WrittenBack"
        /// What a restart has to know.
        case noted = "Noted"
    }
    /// Nil for what is written in the control plane or to flyteadmin.
    var dataPlane: String?
    var namespace: String?
    /// `resourcequotas/project-quota`.
    var object: String
    var reason: Reason
    /// The revision of templates and values that it follows from, where changes are staged.
    var revision: Int64?

    init(
        _ reason: Reason, _ object: String, in namespace: String? = nil, dataPlane: String? = nil,
        revision: Int64? = nil
    ) {
        self.reason = reason
        self.object = object
        self.namespace = namespace
        self.dataPlane = dataPlane
        self.revision = revision
    }

    var metadata: Logger.Metadata {
        [
            "dataplane": .string(dataPlane ?? "-"), "namespace": .string(namespace ?? "-"), "object": .string(object),
            "reason": .string(reason.rawValue), "revision": .string(revision.map { "\($0)" } ?? "-"),
        ]
    }
}

/// Where the writes are told of.
struct WriteLog: Sendable {
    static let message = "write"
    /// Of one that the server refused. It is told when its reason is another than before, not with each attempt.
    static let refusedMessage = "write refused"
    private let logger: Logger?

    init(_ logger: Logger) { self.logger = logger }
    private init() { logger = nil }
    /// For a caller without a listener.
    static let silent = WriteLog()

    func callAsFunction(_ line: @autoclosure () -> WriteLine) {
        logger?.info("\(Self.message)", metadata: line().metadata)
    }

    func refused(_ object: String, in namespace: String, dataPlane: String, _ reason: FailureReason, revision: Int64?) {
        logger?.info(
            "\(Self.refusedMessage)",
            metadata: [
                "dataplane": .string(dataPlane), "namespace": .string(namespace), "object": .string(object),
                "reason": .string(reason.rawValue), "revision": .string(revision.map { "\($0)" } ?? "-"),
            ])
    }
}

extension AdminRowKey {
    /// As the log names it: `project1/development/workflow`.
    var shownInLog: String { [project, domain, workflow].filter { !$0.isEmpty }.joined(separator: "/") }
}
