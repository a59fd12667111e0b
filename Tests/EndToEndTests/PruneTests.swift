import DevCluster
import JSON
import Testing

extension EndToEnd.Syncing {
    @Suite("Prune")
    struct Prune {
        static func settings(_ name: String) -> String {
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: \(name)}, data: {project: \"{{ project }}\"}}"
        }
        static let registry: JSON = [
            "prune": true,
            "workloadIdentity": ["aws": ["roleARN": "arn:aws:iam::1:role/flyte"]],
        ]

        func prepare(_ fleet: TestFleet<DevCluster>, projects: Int, registry: JSON = Self.registry) async throws {
            try await fleet.applyTemplates(
                ["a.yaml": Self.settings("a"), "b.yaml": Self.settings("b")], registry: registry,
                rights: FlyteTemplates.allRights, projects: (0..<projects).map { "p\($0)" })
        }
        func settings(_ fleet: TestFleet<DevCluster>) async throws -> [String] {
            try await fleet[1].admin.list("ConfigMap").filter { $0[path: ["metadata", "name"]] != "kube-root-ca.crt" }
                .map {
                    "\($0[path: ["metadata", "namespace"]]?.string ?? "")/\($0[path: ["metadata", "name"]]?.string ?? "")"
                }
                .sorted()
        }

        @Test("Prune deletes our objects that left the templates, never accounts or namespaces")
        func prunes() async throws {
            try await withFleet(of: 1) { fleet in
                try await prepare(fleet, projects: 1)
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    // Our labels on somebody else's object don't make it ours.
                    try await fleet[1].admin.apply([
                        "apiVersion": "v1", "kind": "ConfigMap",
                        "metadata": [
                            "name": "foreign", "namespace": "p0-development",
                            "labels": ["multicluster.flyte.org/project": "p0"],
                        ],
                    ])
                    try await fleet.admin.apply(FlyteTemplates.configMap(["a.yaml": Self.settings("a")]))
                    try await fleet.admin.merge("ConfigMap", "clusterresource-template", ["data": ["b.yaml": nil]])
                    try await eventually("b is gone and nothing else") {
                        try await settings(fleet) == ["p0-development/a", "p0-development/foreign"]
                    }
                    try await fleet.settles(1)
                    #expect(try await fleet.annotation(1, "p0-development") == "arn:aws:iam::1:role/flyte")
                }
            }
        }

        @Test("While a template is broken nothing is deleted")
        func broken() async throws {
            try await withFleet(of: 1) { fleet in
                try await prepare(fleet, projects: 1)
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    var files = ["a.yaml": Self.settings("a"), "b.yaml": nil, "c.yaml": "["]
                    func change() async throws {
                        try await fleet.admin.merge(
                            "ConfigMap", "clusterresource-template",
                            ["data": .object(files.mapValues { text in text.map { JSON.string($0) } ?? JSON.null })])
                    }
                    try await change()
                    try await fleet.reports("ClusterRegistry", "flyte", "TemplatesValid", "TemplateInvalid")
                    try await fleet.admin.apply(assignment("p1", "development"))
                    try await fleet.settles(2)
                    let all = ["p0-development/a", "p0-development/b", "p1-development/a"]
                    #expect(try await settings(fleet) == all)
                    files["c.yaml"] = .some(nil)
                    try await change()
                    try await eventually("b is gone") {
                        try await settings(fleet) == ["p0-development/a", "p1-development/a"]
                    }
                }
            }
        }

        @Test("Without prune nothing is deleted")
        func off() async throws {
            try await withFleet(of: 1) { fleet in
                var registry = Self.registry
                registry["prune"] = false
                try await prepare(fleet, projects: 1, registry: registry)
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    try await fleet.admin.merge("ConfigMap", "clusterresource-template", ["data": ["b.yaml": nil]])
                    try await fleet.admin.apply(assignment("p1", "development"))
                    try await fleet.settles(2)
                    #expect(
                        try await settings(fleet) == ["p0-development/a", "p0-development/b", "p1-development/a"])
                    #expect(fleet[1].requestLog.count(verb: "delete", userAgent: "squadron") == 0)
                }
            }
        }

        @Test("Prune enabled later finds what left before, also of a kind in no template")
        func askedForLater() async throws {
            try await withFleet(of: 1) { fleet in
                var registry = Self.registry
                registry["prune"] = false
                try await prepare(fleet, projects: 1, registry: registry)
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    try await fleet.admin.merge(
                        "ConfigMap", "clusterresource-template",
                        ["data": ["a.yaml": nil, "b.yaml": nil, "c.yaml": .string(Self.role)]])
                    try await eventually("the Role is there") {
                        try await fleet[1].admin.get("Role", "r", in: "p0-development") != nil
                    }
                    try await fleet.settles(1)
                    #expect(try await settings(fleet).count == 2)
                    fleet[1].faults.add(
                        .latency(.milliseconds(500)), match: .init(verbs: ["list"], resources: ["configmaps"]))
                    try await fleet.admin.merge("ClusterRegistry", "flyte", ["spec": ["prune": true]])
                    try await eventually("both are gone") { try await settings(fleet).isEmpty }
                    try await fleet.settles(1)
                }
            }
        }

        @Test("A kind that can't be listed holds up pruning, and nothing else")
        func unlisted() async throws {
            try await withFleet(of: 1) { fleet in
                try await prepare(fleet, projects: 1)
                fleet[1].faults.add(.status(500), match: .init(verbs: ["list"], resources: ["secrets"]))
                try await fleet.operating { _ in
                    try await fleet.reports("ExecutionClusterLabel", "p0-development", "NamespaceSynced", "InSync")
                    try await fleet.admin.merge("ConfigMap", "clusterresource-template", ["data": ["b.yaml": nil]])
                    let told = try await fleet.reports(1, "Synced", "SyncFailed").message
                    #expect(told.contains("secrets"), "\(told)")
                    #expect(try await settings(fleet) == ["p0-development/a", "p0-development/b"])
                    fleet[1].faults.removeAll()
                    try await eventually("b is gone", within: .seconds(40)) {
                        try await settings(fleet) == ["p0-development/a"]
                    }
                    try await fleet.settles(1)
                }
            }
        }
        private static let role =
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r}, rules: []}"

        @Test("A templates ConfigMap that lost most objects deletes none until permitted")
        func stop() async throws {
            try await withFleet(of: 1) { fleet in
                var registry = Self.registry
                registry["workloadIdentity"] = nil
                try await prepare(fleet, projects: 7, registry: registry)
                try await fleet.operating { _ in
                    try await fleet.settles(7)
                    try await fleet.admin.merge(
                        "ConfigMap", "clusterresource-template", ["data": ["a.yaml": nil, "b.yaml": nil]])
                    let held = try await fleet.reports(1, "Synced", "PruneHeld")
                    #expect(held.message.contains("14 of 14"))
                    #expect(try await settings(fleet).count == 14)
                    // An unrelated change resolves nothing.
                    try await fleet.admin.apply(assignment("p7", "development"))
                    try await eventually("the new one is there") {
                        try await fleet[1].admin.get("Namespace", "p7-development") != nil
                    }
                    try await throughout(.seconds(1), "it is held back still") {
                        try await fleet.conditions("DataPlane", "dataplane-1")["Synced"]?.reason == "PruneHeld"
                    }
                    try await fleet.admin.merge(
                        "ClusterRegistry", "flyte",
                        ["metadata": ["annotations": ["multicluster.flyte.org/allow-prune": "14"]]])
                    try await eventually("they are gone") { try await settings(fleet) == [] }
                    try await fleet.settles(8)
                }
            }
        }
    }
}

extension EndToEnd.Syncing.Prune {
    @Test("Another registry's objects in the same data plane do not count for prune")
    func otherRegistry() async throws {
        try await withFleet(of: 1) { fleet in
            let files = ["a", "b", "c", "d"].map { ("\($0).yaml", Self.settings($0)) }
            var registry = Self.registry
            registry["workloadIdentity"] = nil
            try await fleet.applyTemplates(
                Dictionary(uniqueKeysWithValues: files), registry: registry, rights: FlyteTemplates.allRights,
                projects: (0..<4).map { "p\($0)" })
            let labels: JSON = ["multicluster.flyte.org/project": "theirs"]
            try await fleet[1].admin.apply(
                [
                    "apiVersion": "v1", "kind": "Namespace",
                    "metadata": [
                        "name": "theirs", "labels": labels,
                        "annotations": ["multicluster.flyte.org/control-plane-uid": "another"],
                    ],
                ], as: "squadron")
            for number in 0..<30 {
                try await fleet[1].admin.apply(
                    [
                        "apiVersion": "v1", "kind": "ConfigMap",
                        "metadata": [
                            "name": .string("their-\(number)"), "namespace": "theirs", "labels": labels,
                        ],
                    ], as: "squadron")
            }
            try await fleet.operating { _ in
                try await fleet.settles(4)
                try await fleet.admin.merge(
                    "ConfigMap", "clusterresource-template",
                    ["data": ["b.yaml": nil, "c.yaml": nil, "d.yaml": nil]])
                let held = try await fleet.reports(1, "Synced", "PruneHeld")
                #expect(held.message.contains("12 of 16"), "\(held.message)")
                try await fleet.admin.merge(
                    "ClusterRegistry", "flyte",
                    ["metadata": ["annotations": ["multicluster.flyte.org/allow-prune": "12"]]])
                try await fleet.settles(4)
                let left = try await settings(fleet)
                #expect(left.filter { $0.hasPrefix("theirs/") }.count == 30)
                #expect(left.filter { !$0.hasPrefix("theirs/") } == (0..<4).map { "p\($0)-development/a" })
            }
        }
    }
}
