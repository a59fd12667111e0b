import DevCluster
import JSON
import Testing

extension EndToEnd.Syncing {
    @Suite("First sync")
    struct FirstSync {
        @Test("The guide's example becomes True and complete, with one write per object")
        func guide() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applySamples()
                try await fleet.operating { _ in
                    try await fleet.settles(2)
                    for (kind, name) in [
                        ("DataPlane", "dataplane-1"), ("DataPlane", "dataplane-2"), ("DataPlane", "controlplane"),
                        ("ExecutionLabel", "label1"), ("ExecutionLabel", "label2"),
                    ] {
                        try await fleet.allTrue(kind, name)
                    }
                    for name in ["project1-development", "team1-production", "project1-development-training"] {
                        try await fleet.allTrue("ExecutionClusterLabel", name, but: ["Published"])
                        let published = try await fleet.conditions("ExecutionClusterLabel", name)["Published"]
                        #expect(published?.reason == "FlyteAdminNotConfigured")
                    }
                    try await fleet.allTrue("ClusterRegistry", "flyte", but: ["Published", "RolledOut"])
                }
                let conditions = try await fleet.conditions("DataPlane", "dataplane-1")
                #expect(
                    conditions.types == ["CredentialsValid", "Reachable", "Authorized", "Available", "Synced", "Ready"])
                let registry = try #require(try await fleet.admin.get("ClusterRegistry", "flyte")?["status"])
                #expect(registry["dataPlanes"] == ["total": 3, "ready": 3])
                #expect(registry["executionLabels"] == ["total": 2, "ready": 2])
                #expect(registry["executionClusterLabels"] == ["total": 3, "ready": 3])
                #expect(registry["namespaces"] == ["desired": 6, "synced": 6, "failed": 0])
                for server in fleet.dataPlanes + [fleet.controlPlane] {
                    for (project, domain) in [("project1", "development"), ("team1", "production")] {
                        let name = "\(project)-\(domain)"
                        let labels = try await server.admin.get("Namespace", name)?[path: ["metadata", "labels"]]
                        #expect(labels?["app.kubernetes.io/managed-by"] == "squadron")
                        #expect(labels?["multicluster.flyte.org/project"] == .string(project))
                        #expect(labels?["multicluster.flyte.org/domain"] == .string(domain))
                        let account = try await server.admin.get("ServiceAccount", "default", in: name)
                        #expect(
                            account?[path: ["metadata", "annotations"]] == [
                                "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/flyte-user-role"
                            ])
                    }
                    let log = server.requestLog
                    #expect(log.count(verb: "patch", resource: "namespaces", userAgent: "squadron") == 2)
                    #expect(log.count(verb: "patch", resource: "serviceaccounts", userAgent: "squadron") == 2)
                    #expect(log.writes(to: ["namespaces", "serviceaccounts"]) == 4)
                }
            }
        }

        @Test(
            "Each provider's annotation, with placeholders and values of each data plane",
            arguments: [
                (
                    "aws", "roleARN", "arn:aws:iam::{{ account }}:role/{{ project }}-{{ domain }}",
                    "eks.amazonaws.com/role-arn", "arn:aws:iam::2:role/project1-development"
                )
            ])
        func providers(provider: String, field: String, pattern: String, key: String, second: String) async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics(["values": ["account": "1"]])
                let identity: JSON = ["workloadIdentity": [provider: [field: .string(pattern)]]]
                try await fleet.admin.apply(fleet.dataPlane(1, identity))
                var own = identity
                own["values"] = ["account": "2"]
                try await fleet.admin.apply(fleet.dataPlane(2, own))
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in try await fleet.settles(1) }
                let first = try await fleet.annotation(1, "project1-development", key)
                #expect(first == second.replacing("2", with: "1"))
                #expect(try await fleet.annotation(2, "project1-development", key) == second)
            }
        }

        @Test(
            "The annotation is set, be the ServiceAccount controller early, late or off",
            arguments: [Duration.zero, .milliseconds(400), nil])
        func serviceAccountController(delay: Duration?) async throws {
            var options = DevCluster.Options()
            options.controllers.defaultServiceAccountDelay = delay
            try await withFleet(of: 1, options: options) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in try await fleet.settles(1) }
                #expect(try await fleet.annotation(1, "project1-development") == fleet.role)
                #expect(fleet[1].requestLog.writes(to: ["namespaces", "serviceaccounts"]) == 2)
            }
        }

        @Test("Without a workload identity the default ServiceAccount is left alone")
        func noIdentity() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics([:])
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in try await fleet.settles(1) }
                let account = try await fleet[1].admin.get("ServiceAccount", "default", in: "project1-development")
                #expect(account?[path: ["metadata", "labels"]] == nil)
                #expect(account?[path: ["metadata", "annotations"]] == nil)
                #expect(fleet[1].requestLog.writes(to: ["namespaces", "serviceaccounts"]) == 1)
            }
        }

        @Test("In objects that were there before it owns only its own labels and annotation")
        func adoption() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet[1].admin.apply([
                    [
                        "apiVersion": "v1", "kind": "Namespace",
                        "metadata": [
                            "name": "project1-development",
                            "labels": ["team": "a", "multicluster.flyte.org/adopt": "true"],
                        ],
                    ],
                    [
                        "apiVersion": "v1", "kind": "ServiceAccount",
                        "metadata": [
                            "name": "default", "namespace": "project1-development", "annotations": ["note": "kept"],
                        ], "imagePullSecrets": [["name": "registry"]],
                    ],
                ])
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in try await fleet.settles(1) }
                let namespace = try await fleet[1].admin.get("Namespace", "project1-development")
                #expect(namespace?[path: ["metadata", "labels", "team"]] == "a")
                #expect(namespace?[path: ["metadata", "labels", "app.kubernetes.io/managed-by"]] == "squadron")
                let account = try await fleet[1].admin.get("ServiceAccount", "default", in: "project1-development")
                #expect(account?["imagePullSecrets"] == [["name": "registry"]])
                #expect(account?[path: ["metadata", "annotations", "note"]] == "kept")
                #expect(
                    account?[path: ["metadata", "annotations", "eks.amazonaws.com/role-arn"]] == .string(fleet.role))
            }
        }

        @Test("A FlyteProject's domains become namespaces, with the project's values")
        func flyteProject() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics([
                    "values": ["account": "1"], "workloadIdentity": ["aws": ["roleARN": "{{ account }}-{{ domain }}"]],
                ])
                try await fleet.admin.apply(
                    resource(
                        "FlyteProject", "team1",
                        [
                            "project": "team1", "domains": ["development", "production"],
                            "domainValues": ["production": ["account": "9"]],
                        ]))
                try await fleet.operating { _ in
                    try await fleet.settles(2)
                    try await fleet.allTrue("FlyteProject", "team1")
                }
                #expect(try await fleet.annotation(1, "team1-development") == "1-development")
                #expect(try await fleet.annotation(1, "team1-production") == "9-production")
            }
        }
    }
}

extension TestFleet {
    /// The samples, with these servers' endpoints.
    func applySamples() async throws {
        for object in try Manifests.samples("dataplanes") {
            var object = object
            for (index, server) in dataPlanes.enumerated()
            where object[path: ["metadata", "name"]] == .string("dataplane-\(index + 1)") {
                object[path: ["spec", "endpoint"]] = .string(server.url)
            }
            try await admin.apply(object)
        }
        for name in ["executionlabels", "executionclusterlabels", "clusterregistry"] {
            try await admin.apply(Manifests.samples(name))
        }
    }

    func allTrue(_ kind: String, _ name: String, but exceptions: Set<String> = []) async throws {
        try await eventually("all conditions of \(kind) \(name) are True") {
            try await conditions(kind, name)
        } until: {
            $0.allTrue(but: exceptions)
        }
    }
}

extension RequestLog {
    /// Changes that the operator made of these resources.
    func writes(to resources: Set<String>) -> Int {
        counts.reduce(0) { sum, entry in
            let isWrite = ["create", "update", "patch", "delete", "deletecollection"].contains(entry.key.verb)
            let counts = isWrite && resources.contains(entry.key.resource) && entry.key.userAgent.contains("squadron")
            return counts ? sum + entry.value : sum
        }
    }
    /// Everything that the operator asked.
    var ofOperator: Int { count(userAgent: "squadron") }
}
