/// Which cluster a DataPlane was last connected to.
///
/// Its status says so, and an annotation on it does, since a backup of objects keeps no status: without either, any cluster
/// that answers at the endpoint would be taken for the one before. Both hold for the endpoint that they were written for.
public struct RecordedCluster: Sendable, Hashable {
    public static let annotation = FleetGroup.name + "/cluster"
    public let uid: String
    public let endpoint: String

    public init(uid: String, endpoint: String) {
        self.uid = uid
        self.endpoint = endpoint
    }

    /// Nil where it is not `<uid> <endpoint>`.
    init?(text: String) {
        let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2, parts[0].utf8.count <= 128 else { return nil }
        self.init(uid: parts[0], endpoint: parts[1])
    }

    public var text: String { "\(uid) \(endpoint)" }
}

extension CustomResource<DataPlaneSpec> {
    /// The UID of the cluster that was last at this endpoint. Nil where none is known.
    public var recordedClusterUID: String? {
        if status?.endpoint == endpointDescription, let uid = status?.clusterUID { return uid }
        let noted = metadata.annotations?[RecordedCluster.annotation].flatMap { RecordedCluster(text: $0) }
        return noted.flatMap { $0.endpoint == endpointDescription ? $0.uid : nil }
    }
}
