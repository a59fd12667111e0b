import ControlLoop
import DevCluster
import Foundation
import JSON
import Kube
import Logging
import Serving
import Support
import TestSupport
import Testing

@testable import Operator

/// A control plane and data planes with everything of `manifests/` in them: accounts, rights, and the Secret with the
/// data planes' credentials. The operator is run with its own ServiceAccount's token, so what its Role doesn't grant
/// does not work here either.
final class TestFleet<Cluster: Server>: Sendable {
    let controlPlane: Cluster
    let dataPlanes: [Cluster]
    /// Reads and writes in the control plane.
    let admin: Admin
    let log = CapturedLog()
    private let endpoint: ClusterEndpoint
    private let configure: @Sendable (inout OperatorConfiguration) -> Void

    init(
        controlPlane: Cluster, dataPlanes: [Cluster],
        configure: @escaping @Sendable (inout OperatorConfiguration) -> Void = { _ in }
    ) async throws {
        self.controlPlane = controlPlane
        self.dataPlanes = dataPlanes
        self.configure = configure
        admin = controlPlane.admin
        try await admin.apply(Manifests.controlPlane())
        for crd in try await admin.list("CustomResourceDefinition") {
            let name = crd[path: ["metadata", "name"]]?.string ?? ""
            let admin = admin
            try await eventually("\(name) is established") {
                Conditions(try await admin.get("CustomResourceDefinition", name))["Established"]?.status == "True"
            }
        }
        endpoint = try await Self.operatorEndpoint(controlPlane, admin)
        try await admin.apply([
            "apiVersion": "v1", "kind": "Secret", "metadata": ["name": "cluster-credentials", "namespace": "flyte"],
        ])
        for index in dataPlanes.indices { try await enroll(index + 1) }
    }

    /// As README says: apply `manifests/data-plane`, copy token and CA into the Secret. `number` counts from 1.
    func enroll(_ number: Int) async throws {
        let server = self[number]
        try await server.admin.apply(Manifests.dataPlane())
        let data = try await eventually("the token Secret of \(server.name) is filled") {
            try await server.admin.get("Secret", "squadron-token")?["data"] ?? [:]
        } until: {
            $0["token"] != nil && $0["ca.crt"] != nil
        }
        try await admin.merge(
            "Secret", "cluster-credentials",
            ["data": ["dataplane_\(number)_token": data["token"]!, "dataplane_\(number)_cacert": data["ca.crt"]!]])
    }

    /// The first data plane's credentials once more, for another DataPlane with the clusterName `again`.
    func addSecondEntry() async throws {
        let data = try await admin.get("Secret", "cluster-credentials")?["data"] ?? [:]
        try await admin.merge(
            "Secret", "cluster-credentials",
            ["data": ["again_token": data["dataplane_1_token"]!, "again_cacert": data["dataplane_1_cacert"]!]])
    }

    subscript(number: Int) -> Cluster { dataPlanes[number - 1] }

    /// A DataPlane object `dataplane-N` for that server.
    func dataPlane(_ number: Int, _ more: JSON = [:]) -> JSON {
        var spec: JSON = ["clusterName": .string("dataplane_\(number)"), "endpoint": .string(self[number].url)]
        for (key, value) in more.object ?? [:] { spec[key] = value }
        return resource("DataPlane", "dataplane-\(number)", spec)
    }

    /// DataPlanes for all servers, `label1` → the first, a registry with the AWS role.
    func applyBasics(_ registry: JSON? = nil) async throws {
        for number in 1...dataPlanes.count { try await admin.apply(dataPlane(number)) }
        try await admin.apply(
            resource("ExecutionLabel", "label1", ["clusters": [["name": "dataplane_1", "weight": 1]]]))
        try await admin.apply(
            resource("ClusterRegistry", "flyte", registry ?? ["workloadIdentity": ["aws": ["roleARN": .string(role)]]]))
    }

    var role: String { "arn:aws:iam::111122223333:role/flyte-user-role" }

    func configuration(endpoint: ClusterEndpoint? = nil) -> OperatorConfiguration {
        var configuration = OperatorConfiguration(endpoint: endpoint ?? self.endpoint)
        configuration.adminAddress = ListenAddress(host: "127.0.0.1", port: 0)
        configuration.probeInterval = .milliseconds(300)
        configuration.election = .fast
        configuration.watcher.listGuard.interval = .seconds(2)
        configuration.deletionGrace = .milliseconds(200)
        configure(&configuration)
        return configuration
    }

    /// How a test lets an operator end.
    enum Ending { case inOrder, abrupt }

    /// Runs an operator while `body` runs.
    @discardableResult
    func operating<Result: Sendable>(
        ending: Ending = .inOrder, endpoint: ClusterEndpoint? = nil,
        _ body: (SquadronOperator) async throws -> Result
    ) async throws -> Result {
        let squadron = SquadronOperator(configuration(endpoint: endpoint), logger: log.logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await squadron.run() }
            do {
                let result = try await body(squadron)
                if ending == .abrupt { group.cancelAll() } else { squadron.shutDown() }
                try await group.waitForAll()
                return result
            } catch {
                group.cancelAll()
                Self.explain(error, log.lines)
                throw error
            }
        }
    }

    /// With what the operator said last, beside the error itself.
    private static func explain(_ error: any Error, _ lines: [String]) {
        Issue.record("\(error)\n  \(lines.suffix(25).joined(separator: "\n  "))")
    }

    /// The operator's own account, as a kubeconfig names it.
    static func operatorEndpoint(_ server: Cluster, _ admin: Admin) async throws -> ClusterEndpoint {
        let text = """
            apiVersion: v1
            kind: Config
            current-context: squadron
            contexts: [{name: squadron, context: {cluster: c, user: u}}]
            clusters: [{name: c, cluster: {server: "\(server.url)", certificate-authority-data: \(Data(server.caPEM.utf8).base64EncodedString())}}]
            users: [{name: u, user: {token: "\(try await admin.token(of: "squadron"))"}}]
            """
        return try Kubeconfig(parsing: Array(text.utf8), file: "kubeconfig").endpoint()
    }
}

extension ElectionConfiguration {
    /// With `patience`: for a leader of a new term every list is a first one, so statements about the old term don't
    /// hold.
    static let fast = ElectionConfiguration(
        leaseDuration: .seconds(2) * patience, renewDeadline: .milliseconds(1500) * patience,
        retryPeriod: .milliseconds(200), jitter: 0.1)
}

/// A fleet of devclusters, stopped at the end.
func withFleet(
    of count: Int = 1, options: DevCluster.Options = DevCluster.Options(),
    configure: @escaping @Sendable (inout OperatorConfiguration) -> Void = { _ in },
    _ body: (TestFleet<DevCluster>) async throws -> Void
) async throws {
    var options = options
    // Seconds of a real server become fractions, as in the operator's settings.
    options.api.bookmarkInterval = .milliseconds(200)
    let names = ["control-plane"] + (1...count).map { "dataplane-\($0)" }
    let servers = try await DevFleet.start(names, options: options)
    do {
        let fleet = try await TestFleet(
            controlPlane: servers.clusters[0], dataPlanes: Array(servers.clusters.dropFirst()), configure: configure)
        try await body(fleet)
    } catch {
        await servers.stop()
        throw error
    }
    await servers.stop()
}

/// The same with an operator that has settled the basics and `development` of these projects, and runs while `body` runs.
func withSettledFleet(
    of count: Int = 1, _ projects: [String] = ["project1"], options: DevCluster.Options = DevCluster.Options(),
    configure: @escaping @Sendable (inout OperatorConfiguration) -> Void = { _ in },
    _ body: (TestFleet<DevCluster>, SquadronOperator) async throws -> Void
) async throws {
    try await withFleet(of: count, options: options, configure: configure) { fleet in
        try await fleet.applyBasics()
        for project in projects { try await fleet.admin.apply(assignment(project, "development")) }
        try await fleet.operating { squadron in
            try await fleet.settles(projects.count)
            try await body(fleet, squadron)
        }
    }
}
