import ArgumentParser
import Foundation
import HTTP
import JSON
import Support

/// The bare program. It sends only the necessary requests, 32 at a time per data plane. It runs as a process of its
/// own, so that its CPU time and start-up count as the operator's do.
struct Floor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(shouldDisplay: false)
    @Argument var plan: String

    struct Plan: Codable {
        var targets: [Target]
        /// The project-domains to make. If there are none, it sends what a restart needs: one list for each kind.
        var projects: [String]
    }

    func run() async throws {
        let plan = try JSONDecoder().decode(Plan.self, from: Data(contentsOf: URL(filePath: plan)))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for target in plan.targets { group.addTask { try await Self.work(target, plan.projects) } }
            try await group.waitForAll()
        }
    }

    private static func work(_ target: Target, _ projects: [String]) async throws {
        let client = BareClient(target)
        if projects.isEmpty {
            async let first: Void = client.list("namespaces")
            async let second: Void = client.list("serviceaccounts")
            async let third: Void = client.list("resourcequotas")
            _ = try await (first, second, third)
            return
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            var rest = projects[...]
            for name in rest.prefix(32) { group.addTask { try await client.make(name) } }
            rest = rest.dropFirst(32)
            while try await group.next() != nil {
                if let name = rest.popFirst() { group.addTask { try await client.make(name) } }
            }
        }
    }
}

/// The requests of the bare program to one API server, without anything around them.
struct BareClient: Sendable {
    private let target: Target
    private let client: HTTPClient
    private let token: Sensitive

    init(_ target: Target) {
        self.target = target
        client = HTTPClient(
            HTTPClientConfiguration(
                tls: TLSConfiguration(caCertificates: Array(target.ca.utf8)), userAgent: "floor", maximumConnections: 32
            ))
        token = Sensitive(target.token)
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, accept: String = "application/json", _ body: String? = nil,
        type: String = "application/apply-patch+yaml"
    ) async throws {
        var headers: HTTPHeaders = ["Accept": accept]
        if body != nil { headers["Content-Type"] = type }
        let response = try await client.send(
            HTTPRequest(
                method, target.url + path, headers: headers, body: body.map { Array($0.utf8) }, bearerToken: token))
        guard (200..<300).contains(response.status) else {
            throw Child.Failure(description: String(decoding: response.body, as: UTF8.self))
        }
    }

    private static let object = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    private static let listed = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

    func list(_ plural: String) async throws {
        let query = "?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dsquadron&limit=500"
        try await send(.get, "/api/v1/\(plural)\(query)", accept: Self.listed)
    }

    /// The metadata of one object of the core API.
    func get(_ path: String) async throws { try await send(.get, "/api/v1/\(path)", accept: Self.object) }

    func review(_ kind: String, _ plural: String, group: String, spec: String = "{}") async throws {
        try await send(
            .post, "/apis/\(group).k8s.io/v1/\(plural)",
            #"{"apiVersion":"\#(group).k8s.io/v1","kind":"\#(kind)","spec":\#(spec)}"#, type: "application/json")
    }

    /// The three objects of a project-domain, one after the other.
    func make(_ project: String) async throws {
        let query = "?fieldManager=squadron&fieldValidation=Strict"
        let form = Self.object
        let namespace = "\(project)-development"
        let labels =
            #""labels":{"app.kubernetes.io/managed-by":"squadron","multicluster.flyte.org/project":"\#(project)","multicluster.flyte.org/domain":"development"}"#
        try await send(
            .patch, "/api/v1/namespaces/\(namespace)\(query)", accept: form,
            #"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"\#(namespace)",\#(labels),"annotations":{"multicluster.flyte.org/control-plane-uid":"00000000-0000-0000-0000-000000000000"}}}"#
        )
        try await send(
            .patch, "/api/v1/namespaces/\(namespace)/resourcequotas/project-quota\(query)", accept: form,
            #"{"apiVersion":"v1","kind":"ResourceQuota","metadata":{"name":"project-quota","namespace":"\#(namespace)",\#(labels)},"spec":{"hard":{"limits.cpu":"8","limits.memory":"16Gi"}}}"#
        )
        try await send(
            .patch, "/api/v1/namespaces/\(namespace)/serviceaccounts/default\(query)", accept: form,
            #"{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"default","namespace":"\#(namespace)",\#(labels),"annotations":{"eks.amazonaws.com/role-arn":"arn:aws:iam::111122223333:role/flyte-user-role"}}}"#
        )
    }
}
