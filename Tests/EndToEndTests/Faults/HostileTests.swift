import DevCluster
import Foundation
import JSON
import TestSupport
import Testing

@testable import Operator

extension EndToEnd.Alone {
    /// A hostile data plane, and hostile content of custom resources.
    @Suite("Hostile input")
    struct Hostile {
        @Test(
            "An endless stream is an error of its data plane alone; memory stays bounded",
            arguments: [Fault.endlessLine(bytes: 2 << 30), .endlessBody(bytes: 2 << 30)],
            ["list", "watch", "patch", "get"])
        func endless(_ fault: Fault, verb: String) async throws {
            try await withFleet(of: 2, configure: { $0.watcher = .fast }) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                let before = residentMegabytes()
                fleet[2].faults.add(fault, match: .init(verbs: [verb], userAgent: "squadron"))
                try await fleet.operating { _ in
                    try await fleet.settles(1, 1)
                    try await eventually("it has been met") { fleet[2].faults.totalHits >= 2 }
                    #expect(residentMegabytes() - before < 600, "\(residentMegabytes() - before) MB more")
                    fleet[2].faults.removeAll()
                    await fleet[2].resetConnections()
                    try await fleet.settles(2, 1)
                }
            }
        }

        @Test("A Secret of the largest size harms only what its wrong entries are about")
        func largeSecret() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                var data: JSON = [:]
                for number in 0..<200 {
                    data["junk_\(number)_token"] = .string(String(repeating: "x", count: 4_000))
                }
                data["dataplane_2_token"] = .string(String(repeating: "y", count: 100_000))
                try await fleet.admin.merge("Secret", "cluster-credentials", ["stringData": data])
                try await fleet.admin.apply(
                    resource("DataPlane", "dataplane-2", ["clusterName": "dataplane_2", "endpoint": "https://dp"]))
                try await fleet.operating { _ in
                    try await fleet.settles(1, 0)
                    try await fleet.reports("DataPlane", "dataplane-2", "CredentialsValid", "TokenMalformed")
                }
            }
        }

        @Test("Thousands of custom resources made and deleted in a loop leave nothing in memory")
        func churn() async throws {
            try await withSettledFleet([]) { fleet, squadron in
                func round(_ number: Int) async throws {
                    for index in 0..<200 {
                        try await fleet.admin.apply(assignment("r\(number)x\(index)", "development"))
                    }
                    for index in 0..<200 {
                        try await fleet.admin.delete("ExecutionClusterLabel", "r\(number)x\(index)-development")
                    }
                }
                try await round(0)
                try await fleet.settles(0)
                for number in 1...3 { try await round(number) }
                try await fleet.settles(0)
                // An object that is no longer wanted is neither counted nor queued.
                try await eventually("nothing is queued any more") {
                    squadron.metricsText.contains(#"workqueue_depth{name="data-planes"} 0"#)
                        && squadron.metricsText.contains(#"workqueue_depth{name="control-plane"} 0"#)
                }
                try await fleet.admin.apply(assignment("after", "development"))
                try await fleet.settles(1)
            }
        }

        @Test("Ten thousand ExecutionLabels made and deleted in a loop leave nothing in memory")
        func tenThousand() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                let labels = GroupResource("executionlabels", group: "multicluster.flyte.org")
                try await fleet.operating { squadron in
                    try await fleet.settles(1)
                    var after: [Int] = []
                    for round in 0..<10 {
                        for index in 0..<1_000 {
                            // Past the API: twenty thousand requests of this test would be measured with it.
                            fleet.controlPlane.store.put(
                                labels,
                                resource(
                                    "ExecutionLabel", "r\(round)-\(index)",
                                    [
                                        "label": .string("r\(round)-\(index)"),
                                        "clusters": [["name": "dataplane_1", "weight": 1]],
                                    ]))
                        }
                        for index in 0..<1_000 {
                            fleet.controlPlane.store.delete(labels, namespace: "flyte", name: "r\(round)-\(index)")
                        }
                        try await eventually("the queue is empty") {
                            squadron.metricsText.contains(#"workqueue_depth{name="control-plane"} 0"#)
                        }
                        after.append(residentMegabytes())
                    }
                    // This process holds the API server with its history, too.
                    #expect(after[9] - after[2] < 150, "\(after) MB")
                    try await fleet.admin.apply(assignment("after", "development"))
                    try await fleet.settles(2)
                    try await eventually("the registry counts one label, which is ready") {
                        let status = try await fleet.admin.get("ClusterRegistry", "flyte")?["status"]
                        return status?["executionLabels"] == ["total": 1, "ready": 1]
                    }
                }
            }
        }

        @Test("Annotations of a megabyte, in the control plane and in a data plane, harm nobody")
        func megabyte() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                let big = JSON.string(String(repeating: "z", count: 1 << 20))
                // More than admission takes by now: an object of another time.
                var wish = assignment("big", "development")
                wish[path: ["metadata", "annotations"]] = ["big": big]
                fleet.controlPlane.store.put(
                    GroupResource("executionclusterlabels", group: "multicluster.flyte.org"), wish)
                fleet[1].store.put(
                    GroupResource("namespaces", group: ""),
                    [
                        "apiVersion": "v1", "kind": "Namespace",
                        "metadata": [
                            "name": "project1-development", "annotations": ["big": big],
                            "labels": ["multicluster.flyte.org/adopt": "true"],
                        ],
                    ])
                try await fleet.admin.apply(assignment("project1", "development"))
                let before = residentMegabytes()
                try await fleet.operating { _ in
                    try await eventually("both are worked on") {
                        try await fleet.annotation(1, "big-development") == fleet.role
                    }
                    // The server refuses what it has itself: that is a failure of the one object.
                    let failure = try await eventually("it is said why not") {
                        try await fleet.failures(1).first ?? .null
                    } until: {
                        $0["namespace"] == "project1-development"
                    }
                    #expect(failure["reason"] == "Invalid", "\(failure)")
                }
                #expect(residentMegabytes() - before < 200, "\(residentMegabytes() - before) MB more")
            }
        }

        @Test(
            "A Secret's bytes that are not UTF-8 are refused by name; the other one goes on",
            arguments: [("dataplane_2_token", "TokenMalformed"), ("dataplane_2_cacert", "CACertMalformed")])
        func notUTF8(key: String, reason: String) async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                let bytes = Data([0xFF, 0xFE, 0x80, 0x00, 0xC0, 0xAF, 0x2E, 0x2E]).base64EncodedString()
                try await fleet.admin.merge("Secret", "cluster-credentials", ["data": [key: .string(bytes)]])
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.settles(1, 1)
                    let message = try await fleet.reports(2, "CredentialsValid", reason).message
                    #expect(message.contains(key), "\(message)")
                }
            }
        }

        @Test(
            "An endlessly nested template, or an alias bomb, is TemplateInvalid with its file",
            arguments: [
                String(repeating: "[", count: 100_000),
                "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                    + "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e]\n"
                    + "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n",
            ])
        func deepTemplate(_ text: String) async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics(["templatesConfigMap": "clusterresource-template"])
                try await fleet.admin.apply(FlyteTemplates.configMap(["deep.yaml": text]))
                try await fleet.admin.apply(assignment("project1", "development"))
                let before = residentMegabytes()
                try await fleet.operating { _ in
                    let condition = try await fleet.reports(
                        "ClusterRegistry", "flyte", "TemplatesValid", "TemplateInvalid")
                    #expect(condition.message.contains("deep.yaml"), "\(condition)")
                    #expect(residentMegabytes() - before < 200, "\(residentMegabytes() - before) MB more")
                    #expect(try await fleet[1].admin.get("Namespace", "project1-development") == nil)
                }
            }
        }

        @Test("Values at their limits: long names, megabyte annotations, text hard to quote")
        func limits() async throws {
            try await withFleet(of: 1) { fleet in
                let role = "arn:\u{202E}\"'\\{}[]#&*!|>%@`\t€🚀"
                try await fleet.applyBasics(["workloadIdentity": ["aws": ["roleARN": .string(role)]]])
                // "-development" is twelve characters; a namespace's name has 63 at the most.
                let project = String(repeating: "p", count: 51)
                try await fleet.admin.apply(assignment(project, "development"))
                try await fleet[1].admin.apply([
                    "apiVersion": "v1", "kind": "Namespace",
                    "metadata": [
                        "name": .string("\(project)-development"),
                        "labels": ["multicluster.flyte.org/adopt": "true"],
                        "annotations": ["big": .string(String(repeating: "z", count: 200_000))],
                    ],
                ])
                try await fleet.operating { _ in try await fleet.settles(1) }
                #expect(try await fleet.annotation(1, "\(project)-development") == role)
                let kept = try await fleet[1].admin.get("Namespace", "\(project)-development")?[
                    path: ["metadata", "annotations", "big"]]?.string
                #expect(kept?.utf8.count == 200_000)
            }
        }
    }
}
