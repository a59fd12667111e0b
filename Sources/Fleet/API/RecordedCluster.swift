/// The cluster to which a DataPlane was last connected.
///
/// Both the DataPlane's status and one of its annotations record it, because a backup of objects has no statuses.
/// Without either, any cluster that answers at the endpoint would pass for the former one. Both hold only for the
/// endpoint that they name.
public struct RecordedCluster: Sendable, Hashable {
    public static let annotation = FleetGroup.name + "/cluster"
    public let uid: String
    public let endpoint: String

    public init(uid: String, endpoint: String) {
        self.uid = uid
        self.endpoint = endpoint
    }

    /// Nil unless the text is `<uid> <endpoint>`.
    init?(text: String) {
        let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2, parts[0].utf8.count <= 128 else { return nil }
        self.init(uid: parts[0], endpoint: parts[1])
    }

    public var text: String { "\(uid) \(endpoint)" }
}

extension CustomResource<DataPlaneSpec> {
    /// The UID of the cluster that was last at this endpoint. Nil if it is not known.
    public var recordedClusterUID: String? {
        if status?.endpoint == endpointDescription, let uid = status?.clusterUID { return uid }
        let noted = metadata.annotations?[RecordedCluster.annotation].flatMap { RecordedCluster(text: $0) }
        return noted.flatMap { $0.endpoint == endpointDescription ? $0.uid : nil }
    }
}
