import Logging

/// The log line of a write: one line at info for each write, always with the same fields. An empty field is `-`.
///
/// A cold sync writes tens of thousands of objects, so a line must cost only its text: nothing is read or kept for it.
package struct WriteLine: Sendable, Hashable {
    package enum Reason: String, Sendable, Hashable {
        /// The object did not exist, or nobody had set a field of it.
        case missing = "Missing"
        /// The object existed and differed from the plan.
        case differs = "Differs"
        /// The object existed before us and becomes ours.
        case adopted = "Adopted"
        /// The fields of Flyte's managers become ours.
        case takenOver = "TakenOver"
        case pruned = "Pruned"
        case published = "Published"
        case removed = "Removed"
        case registered = "Registered"
        case restarted = "Restarted"
        case writtenBack = "WrittenBack"
        /// State that a restart needs.
        case noted = "Noted"
    }
    /// Nil for writes to the control plane or to flyteadmin.
    package var dataPlane: String?
    package var namespace: String?
    /// For example `resourcequotas/project-quota`.
    package var object: String
    package var reason: Reason
    /// The revision of templates and values behind the write, if changes are staged.
    package var revision: Int64?

    package init(
        _ reason: Reason, _ object: String, in namespace: String? = nil, dataPlane: String? = nil,
        revision: Int64? = nil
    ) {
        self.reason = reason
        self.object = object
        self.namespace = namespace
        self.dataPlane = dataPlane
        self.revision = revision
    }

    package var metadata: Logger.Metadata {
        [
            "dataplane": .string(dataPlane ?? "-"), "namespace": .string(namespace ?? "-"), "object": .string(object),
            "reason": .string(reason.rawValue), "revision": .string(revision.map { "\($0)" } ?? "-"),
        ]
    }
}

/// Logs the writes.
package struct WriteLog: Sendable {
    package static let message = "write"
    /// For a write that the server refused. It is logged when the reason changes, not at each attempt.
    package static let refusedMessage = "write refused"
    private let logger: Logger?

    package init(_ logger: Logger) { self.logger = logger }
    private init() { logger = nil }
    /// For a caller without a logger.
    package static let silent = WriteLog()

    package func callAsFunction(_ line: @autoclosure () -> WriteLine) {
        logger?.info("\(Self.message)", metadata: line().metadata)
    }

    package func refused(_ object: String, in namespace: String, dataPlane: String, _ reason: String, revision: Int64?)
    {
        logger?.info(
            "\(Self.refusedMessage)",
            metadata: [
                "dataplane": .string(dataPlane), "namespace": .string(namespace), "object": .string(object),
                "reason": .string(reason), "revision": .string(revision.map { "\($0)" } ?? "-"),
            ])
    }
}
