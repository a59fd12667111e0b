import DevCluster
import JSON
import TestSupport
import Testing

extension EndToEnd.Syncing {
    @Suite("Observe")
    struct Observe {
        private static let written: Set<String> = ["namespaces", "serviceaccounts", "resourcequotas", "configmaps"]
        private static let observe: JSON = ["spec": ["mode": "Observe"]]
        private static let enforce: JSON = ["spec": ["mode": "Enforce"]]

        @Test("Observe reports what it would write; Enforce then does exactly that")
        func comesTrue() async throws {
            try await withFleet(of: 1) { fleet in
                let server = fleet[1].admin
                try await Self.fill(server)
                try await fleet.applyTemplates(projects: ["made", "new", "theirs", "helms"])
                try await fleet.admin.merge("DataPlane", "dataplane-1", Self.observe)
                fleet[1].requestLog.reset()
                try await fleet.operating { _ in
                    let plan = try await fleet.plans(1) { $0["create"] == 4 && $0["change"] == 4 }
                    #expect(plan["conflict"] == 2 && plan["delete"] == 0, "\(plan)")
                    let examples = plan["examples"]?.array ?? []
                    #expect(examples.count == 10)
                    #expect(
                        examples.first { $0["namespace"] == "theirs-development" && $0["action"] == "conflict" } == [
                            "namespace": "theirs-development", "object": "serviceaccounts/default",
                            "action": "conflict", "fields": [".metadata.annotations.eks.amazonaws.com/role-arn"],
                        ])
                    let quota = examples.first {
                        $0["object"] == "resourcequotas/project-quota" && $0["action"] == "change"
                    }
                    #expect(quota?["fields"]?.array?.contains(".spec.hard.limits.cpu") == true, "\(quota ?? .null)")
                    let conditions = try await fleet.conditions("DataPlane", "dataplane-1")
                    #expect(conditions["Synced"]?.status == "Unknown" && conditions["Synced"]?.reason == "Observing")
                    #expect(conditions["Ready"]?.status == "True" && conditions["Ready"]?.reason == "Observing")
                    #expect(try await fleet.reasons(1) == ["Conflict", "NamespaceNotAdopted"])
                    #expect(
                        try await fleet.admin.get("DataPlane", "dataplane-1")?[path: ["status", "mode"]] == "Observe")
                    #expect(fleet[1].requestLog.writes(to: Self.written) == 0)

                    try await fleet.admin.merge("DataPlane", "dataplane-1", Self.enforce)
                    try await fleet.reports(1, "Synced", "Conflict")
                    // The account of a new namespace may exist already, since the namespace makes it.
                    let log = fleet[1].requestLog
                    let taken = [200, 201].map { log.count(verb: "patch", userAgent: "squadron", status: $0) }
                    #expect(taken[0] + taken[1] == 8, "\(taken)")
                    #expect(try await fleet.reasons(1) == ["Conflict", "NamespaceNotAdopted"])
                    #expect(try await fleet.admin.get("DataPlane", "dataplane-1")?[path: ["status", "plan"]] == nil)
                }
            }
        }

        /// Flyte made one namespace, with another quota. In one, terraform has another role. One is Helm's.
        private static func fill(_ server: Admin) async throws {
            let namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: {{ namespace }}}}"
            let files = FlyteTemplates.files.merging(["aa_namespace.yaml": namespace]) { $1 }
            let values = [
                "namespace": "made-development", "projectQuotaCpu": "4", "projectQuotaMemory": "4Gi",
                "defaultIamRole": "arn:aws:iam::1:role/flyte",
            ]
            try await SyncResources(server: server).run(files, values)
            for (name, labels, manager) in [
                ("theirs-development", ["multicluster.flyte.org/adopt": "true"] as JSON, "terraform"),
                ("helms-development", ["app.kubernetes.io/managed-by": "Helm"], "helm"),
            ] {
                try await server.apply(
                    [
                        "apiVersion": "v1", "kind": "Namespace",
                        "metadata": ["name": .string(name), "labels": labels],
                    ], as: manager)
            }
            try await server.apply(
                [
                    "apiVersion": "v1", "kind": "ServiceAccount",
                    "metadata": [
                        "name": "default", "namespace": "theirs-development",
                        "annotations": ["eks.amazonaws.com/role-arn": "arn:theirs"],
                    ],
                ], as: "terraform")
        }

        @Test("Observe as a pause reports what changes; labels and assignments don't notice")
        func pause() async throws {
            try await withSettledFleet { fleet, _ in
                try await fleet.admin.merge("DataPlane", "dataplane-1", Self.observe)
                try await fleet.plans(1) { $0["change"] == 0 && $0["create"] == 0 }
                fleet[1].requestLog.reset()
                try await fleet.admin.merge(
                    "ClusterRegistry", "flyte", ["spec": ["workloadIdentity": ["aws": ["roleARN": "arn:other"]]]])
                try await fleet.plans(1) { $0["change"] == 1 }
                try await fleet.admin.apply(assignment("late", "development"))
                try await fleet.plans(1) { $0["change"] == 1 && $0["create"] == 2 }
                // Somebody takes something away: with Enforce it would be put back.
                try await fleet[1].admin.merge(
                    "Namespace", "project1-development",
                    ["metadata": ["labels": ["multicluster.flyte.org/project": nil]]])
                try await fleet.plans(1) { $0["change"] == 2 && $0["create"] == 2 }
                try await fleet.reports("ExecutionClusterLabel", "project1-development", "NamespaceSynced", "InSync")
                try await fleet.reports("ExecutionLabel", "label1", "Ready", "Resolved")
                #expect(fleet[1].requestLog.writes(to: Self.written) == 0)
                try await fleet.admin.merge("DataPlane", "dataplane-1", ["spec": ["mode": nil]])
                try await fleet.settles(2)
                #expect(try await fleet.annotation(1, "project1-development") == "arn:other")
                #expect(fleet[1].requestLog.writes(to: Self.written) == 4)
            }
        }

        @Test("After Observe, Enforce computes a stale plan again and writes none of the old")
        func stale() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in try await fleet.settles(1) }
                func role(_ arn: String) async throws {
                    try await fleet.admin.merge(
                        "ClusterRegistry", "flyte", ["spec": ["workloadIdentity": ["aws": ["roleARN": .string(arn)]]]])
                }
                try await fleet.admin.merge("DataPlane", "dataplane-1", Self.observe)
                try await role("arn:other")
                try await fleet.admin.apply(assignment("gone", "development"))
                try await fleet.operating { _ in
                    try await fleet.plans(1) { $0["change"] == 1 && $0["create"] == 2 }
                }
                // While nobody looks.
                try await role("arn:newest")
                try await fleet.admin.delete("ExecutionClusterLabel", "gone-development")
                try await fleet.admin.merge("DataPlane", "dataplane-1", Self.enforce)
                let before = try await fleet.admin.get("DataPlane", "dataplane-1")
                #expect(before?[path: ["status", "plan", "create"]] == 2)
                fleet[1].requestLog.reset()
                try await fleet.operating { _ in
                    try await eventually("the newest is there") {
                        let found = try await fleet.annotation(1, "project1-development")
                        #expect(found == fleet.role || found == "arn:newest")
                        return found == "arn:newest"
                    }
                    try await fleet.settles(1)
                }
                #expect(fleet[1].requestLog.writes(to: Self.written) == 1)
                #expect(try await fleet[1].admin.get("Namespace", "gone-development") == nil)
            }
        }

        @Test("Observe in the middle of a burst: nothing more is sent")
        func burst() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.merge(
                    "DataPlane", "dataplane-1", ["spec": ["connection": ["qps": 20, "burst": 1]]])
                for number in 0..<60 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                fleet[1].requestLog.reset()
                try await fleet.operating { _ in
                    try await eventually("it is in the middle") {
                        fleet[1].requestLog.writes(to: Self.written) >= 10
                    }
                    try await fleet.admin.merge("DataPlane", "dataplane-1", Self.observe)
                    try await fleet.reports(1, "Synced", "Observing")
                    let sent = fleet[1].requestLog.writes(to: Self.written)
                    #expect(sent < 100)
                    let made = sent
                    let plan = try await fleet.plans(1) {
                        ($0["create"]?.int ?? 0) + ($0["change"]?.int ?? 0) == Int64(120 - made)
                    }
                    #expect(plan["conflict"] == 0)
                    try await throughout(.seconds(1), "nothing more is sent") {
                        fleet[1].requestLog.writes(to: Self.written) == sent
                    }
                }
            }
        }

        @Test("The registry's Observe stops every write but statuses, also after it was deleted")
        func registry() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics([
                    "mode": "Observe", "workloadIdentity": ["aws": ["roleARN": .string(fleet.role)]],
                    "publish": [
                        "clustersConfigMap": ["name": "flyte-admin-clusters-config", "key": "squadron-clusters.yaml"]
                    ],
                ])
                try await fleet.admin.merge("DataPlane", "dataplane-2", Self.enforce)
                try await fleet.admin.apply(assignment("project1", "development"))
                fleet[1].requestLog.reset()
                fleet.controlPlane.requestLog.reset()
                func nothing() -> Bool {
                    fleet[1].requestLog.writes(to: Self.written) == 0
                        && fleet.controlPlane.requestLog.writes(to: ["configmaps", "deployments", "secrets"]) == 0
                }
                try await fleet.operating { _ in
                    try await fleet.plans(1) { $0["create"] == 2 }
                    try await fleet.settles(2, 1)
                    let published = try await fleet.reports("ClusterRegistry", "flyte", "Published", "Observing")
                    #expect(published.status == "Unknown")
                    try await fleet.reports("ClusterRegistry", "flyte", "Ready", "Ready")
                    #expect(nothing())
                    try await fleet.admin.delete("ClusterRegistry", "flyte")
                    try await throughout(.seconds(1), "nothing is written") { nothing() }
                    try await fleet.reports(1, "Synced", "Observing")
                }
                // A restart does not begin to write either.
                try await fleet.operating { _ in
                    try await fleet.reports(1, "Synced", "Observing")
                    try await throughout(.seconds(1), "nothing is written") { nothing() }
                    try await fleet.admin.apply(resource("ClusterRegistry", "flyte", [:]))
                    try await fleet.settles(1)
                    #expect(!nothing())
                }
            }
        }

        @Test("The registry's Observe writes nothing to flyteadmin, but its projects count")
        func flyteAdmin() async throws {
            try await withFlyteAdmin(more: ["projectDiscovery": true]) { fleet, flyteAdmin in
                try await fleet.admin.merge("ClusterRegistry", "flyte", Self.observe)
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.operating { _ in
                    // Two projects of flyteadmin's with three domains each.
                    try await fleet.plans(1) { $0["create"] == 6 }
                    let published = try await fleet.reports(
                        "ExecutionClusterLabel", "team1-development", "Published", "Observing")
                    #expect(published.status == "Unknown")
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Ready", "Ready")
                    #expect(flyteAdmin.writes.isEmpty)
                    #expect(fleet.controlPlane.requestLog.writes(to: ["configmaps"]) == 0)
                    try await fleet.admin.merge("ClusterRegistry", "flyte", Self.enforce)
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    #expect(flyteAdmin.tables.label(project: "team1", domain: "development") == "label1")
                    try await fleet.settles(6)
                }
            }
        }

        @Test("An account that may only read is enough for Observe")
        func rights() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                let rule: JSON = [
                    "apiGroups": [""], "resources": ["namespaces", "serviceaccounts"],
                    "verbs": ["get", "list", "watch"],
                ]
                try await fleet[1].admin.merge("ClusterRole", "squadron", ["rules": [rule]])
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.reports(1, "Authorized", "PermissionsMissing")
                    try await fleet.admin.merge("DataPlane", "dataplane-1", Self.observe)
                    try await fleet.reports(1, "Authorized", "PermissionsGranted")
                    try await fleet.plans(1) { $0["create"] == 2 }
                    try await fleet.reports(1, "Ready", "Observing")
                }
            }
        }

        @Test("Observe asks no more than a restart does")
        func requests() async throws {
            // A Lease that is lost on a busy machine would have everything listed once more.
            try await withFleet(of: 1, configure: { $0.electsLeader = false }) { fleet in
                try await fleet.applyBasics()
                for number in 0..<20 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                try await fleet.operating { _ in try await fleet.settles(20) }
                func asked() -> Int {
                    ["namespaces", "serviceaccounts"].reduce(0) { sum, resource in
                        let log = fleet[1].requestLog
                        return sum + log.count(verb: "list", resource: resource, userAgent: "squadron")
                            + log.count(verb: "watch", resource: resource, userAgent: "squadron")
                    }
                }
                fleet[1].requestLog.reset()
                try await fleet.operating { _ in
                    try await eventually("it watches") { asked() >= 4 }
                    try await fleet.settles(20)
                }
                let restart = asked()
                for number in 20..<40 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                try await fleet.admin.merge("DataPlane", "dataplane-1", Self.observe)
                fleet[1].requestLog.reset()
                try await fleet.operating { _ in
                    try await fleet.plans(1) { $0["create"] == 40 && $0["change"] == 0 }
                    #expect(asked() <= restart)
                    #expect(
                        fleet[1].requestLog.count(verb: "get", resource: "serviceaccounts", userAgent: "squadron") == 0)
                }
            }
        }
    }
}

extension TestFleet {
    /// Waits until a DataPlane observes and its `status.plan` is like that; answers it.
    @discardableResult
    func plans(_ number: Int, _ isRight: (JSON) -> Bool) async throws -> JSON {
        try await reports(number, "Synced", "Observing")
        return try await eventually("the plan of dataplane-\(number)") {
            try await admin.get("DataPlane", "dataplane-\(number)")?[path: ["status", "plan"]] ?? .null
        } until: {
            isRight($0)
        }
    }

    /// The reasons of all failures, each once.
    func reasons(_ number: Int) async throws -> Set<String> {
        Set(try await failures(number).compactMap { $0["reason"]?.string })
    }
}
