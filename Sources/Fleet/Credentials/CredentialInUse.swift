import KubeObjects
import Support

extension DataPlaneStatus {
    /// Which credential is in use, without showing it.
    public struct CredentialInUse: Sendable, Hashable, Codable {
        public var inUseSince: Timestamp
        /// As `Fingerprint` makes it.
        public var fingerprint: String

        public init(inUseSince: Timestamp, fingerprint: String) {
            self.inUseSince = inUseSince
            self.fingerprint = fingerprint
        }

        /// The one before, while it is the same credential or while it is not known which one is in use.
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
