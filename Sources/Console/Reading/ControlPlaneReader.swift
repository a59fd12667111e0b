import Fleet
import HTTP
import Kube
import KubeObjects

/// Reads the control plane with the rights of the user.
public struct ControlPlaneReader: Sendable {
    public let client: KubeClient
    public let namespace: String

    public init(client: KubeClient, namespace: String) {
        self.client = client
        self.namespace = namespace
    }

    /// A client for a command, which sends few requests to one server.
    ///
    /// - Parameter connections: over HTTP/1.1 each watch needs its own connection.
    public static func client(for endpoint: ClusterEndpoint, userAgent: String, connections: Int = 4) -> KubeClient {
        let transport = endpoint.transport(userAgent: userAgent) { $0.maximumConnections = connections }
        var options = KubeClient.Options(userAgent: userAgent)
        options.timeouts = HTTPTimeouts(connect: .seconds(10), firstByte: .seconds(30), total: .seconds(60))
        return KubeClient(
            server: endpoint.server, transport: transport, authorization: endpoint.authorization,
            options: options)
    }

    /// Our five kinds.
    public static let kinds: [ResourceType] = [
        .clusterRegistries, .dataPlanes, .executionLabels, .executionClusterLabels, .flyteProjects,
    ]

    public func objects(of kinds: [ResourceType] = ControlPlaneReader.kinds) async throws(KubeError)
        -> ControlPlaneObjects
    {
        var result = ControlPlaneObjects(namespace: namespace)
        for type in kinds {
            let collection = KubeCollection(type, namespace: namespace)
            let objects = try await client.listAll(DynamicObject.self, of: collection).compactMap(\.object)
            result.add(type, objects)
        }
        return result
    }

    /// The operator's Lease. `status` decides by it whether an operator works. Many users may not read Leases, in which
    /// case `status` leaves this out.
    public func lease() async throws(KubeError) -> Lease? {
        do {
            return try await client.get(Lease.self, namespace: namespace, name: "squadron")
        } catch {
            guard error.isNotFound || error.isForbidden || error.isUnexpectedAnswer else { throw error }
            return nil
        }
    }

    /// The UID of the operator's Namespace, which marks what is ours. Nil if it may not be read or does not exist.
    func namespaceUID() async throws(KubeError) -> String? {
        do {
            return try await client.get(Namespace.self, name: namespace).metadata.uid
        } catch {
            guard error.isForbidden || error.isNotFound || error.isUnexpectedAnswer else { throw error }
            return nil
        }
    }

    public func configMap(_ name: String) async throws(KubeError) -> ControlPlaneObjects.ConfigMapReading {
        do {
            return .present(try await client.get(ConfigMap.self, namespace: namespace, name: name).data)
        } catch {
            if error.isNotFound { return .absent }
            guard error.isForbidden || error.isUnexpectedAnswer else { throw error }
            return .unreadable(error.detail)
        }
    }
}
