/// `coordination.k8s.io/v1` Lease.
///
/// Every field of the spec is kept, also the fields that we do not use. A Lease is written whole, and what another
/// writer put there (`strategy` and `preferredHolder` of coordinated leader election) must survive that.
public struct Lease: KubeResource, Hashable, Codable {
    public struct Spec: Sendable, Hashable, Codable {
        public var holderIdentity: String?
        public var leaseDurationSeconds: Int32?
        public var acquireTime: MicroTimestamp?
        public var renewTime: MicroTimestamp?
        /// How often the holder has changed.
        public var leaseTransitions: Int32?
        public var strategy: String?
        public var preferredHolder: String?

        public init(
            holderIdentity: String? = nil, leaseDurationSeconds: Int32? = nil, acquireTime: MicroTimestamp? = nil,
            renewTime: MicroTimestamp? = nil, leaseTransitions: Int32? = nil, strategy: String? = nil,
            preferredHolder: String? = nil
        ) {
            self.holderIdentity = holderIdentity
            self.leaseDurationSeconds = leaseDurationSeconds
            self.acquireTime = acquireTime
            self.renewTime = renewTime
            self.leaseTransitions = leaseTransitions
            self.strategy = strategy
            self.preferredHolder = preferredHolder
        }
    }

    public static let resourceType = ResourceType(
        group: "coordination.k8s.io", version: "v1", kind: "Lease", plural: "leases", isNamespaced: true)

    public var metadata: ObjectMeta
    public var spec: Spec?

    public init(metadata: ObjectMeta, spec: Spec?) {
        self.metadata = metadata
        self.spec = spec
    }
}
