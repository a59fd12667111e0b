import KubeObjects
import Support

extension DataPlaneStatus {
    /// Identifies the credential in use without showing it.
    public struct CredentialInUse: Sendable, Hashable, Codable {
        public var inUseSince: Timestamp
        /// See `Fingerprint`.
        public var fingerprint: String

        public init(inUseSince: Timestamp, fingerprint: String) {
            self.inUseSince = inUseSince
            self.fingerprint = fingerprint
        }

        /// The former value if the credential is the same, or if the one in use is not known.
        init?(_ fingerprint: String?, before: CredentialInUse?, now: Instant) {
            guard let fingerprint, fingerprint != before?.fingerprint else {
                guard let before else { return nil }
                self = before
                return
            }
            self.init(inUseSince: Timestamp(now), fingerprint: fingerprint)
        }
    }
}
