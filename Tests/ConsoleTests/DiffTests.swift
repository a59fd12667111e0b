import Fleet
import JSON
import KubeObjects
import Support
import Testing

@testable import Console

@Suite("squadron diff")
struct DiffTests {
    @Test("A unified diff has heads, context and both sides")
    func unified() {
        let old = (1...12).map { "line \($0)" }
        var new = old
        new[5] = "other"
        new.append("more")
        #expect(
            LineDiff.unified(old, new) == [
                "@@ -3,10 +3,11 @@", " line 3", " line 4", " line 5", "-line 6", "+other", " line 7", " line 8",
                " line 9",
                " line 10", " line 11", " line 12", "+more",
            ])
        #expect(LineDiff.unified(old, old).isEmpty)
        #expect(LineDiff.unified([], ["a", "b"]) == ["@@ -0,0 +1,2 @@", "+a", "+b"])
        #expect(LineDiff.unified(["a"], []) == ["@@ -1 +0,0 @@", "-a"])
        let far = (1...30).map { "\($0)" }
        var both = far
        (both[2], both[25]) = ("x", "y")
        #expect(LineDiff.unified(far, both).count { $0.hasPrefix("@@") } == 2)
    }

    @Test("A diff gives the one text back from the other, whatever they are")
    func property() {
        var random = SeededRandom(seed: 16)
        for _ in 0..<500 {
            func text() -> [String] {
                (0..<Int.random(in: 0...12, using: &random)).map { _ in "\(Int.random(in: 0...3, using: &random))" }
            }
            let (old, new) = (text(), text())
            let lines = LineDiff.lines(old, new)
            func side(_ keeps: (LineDiff.Line) -> Bool) -> [String] {
                lines.filter(keeps).map { String($0.text.dropFirst()) }
            }
            #expect(side { if case .added = $0 { false } else { true } } == old)
            #expect(side { if case .removed = $0 { false } else { true } } == new)
        }
    }

    @Test("Two long texts without a common line are one replaced by the other, at no cost")
    func bounded() {
        let (old, new) = ((0..<50_000).map { "a\($0)" }, (0..<50_000).map { "b\($0)" })
        #expect(LineDiff.lines(old, new).count == 100_000)
    }

    private static let account: JSON = [
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": [
            "name": "default", "namespace": "a-development", "uid": "u", "resourceVersion": "5",
            "managedFields": [["manager": "x"]],
            "annotations": ["multicluster.flyte.org/applied-hash": "1", "role": "old"],
        ],
    ]

    private func diff(
        _ old: JSON?, _ new: JSON?, _ secrets: SecretFields = .none, _ texts: [String] = []
    ) -> ObjectDiff {
        ObjectDiff(
            "a-development/x", old: old, new: new, secrets: secrets, redaction: Redaction(texts.map { Sensitive($0) }))
    }

    @Test("A diff leaves out what the server keeps for itself, and our hash")
    func volatile() {
        var new = Self.account
        new[path: ["metadata", "resourceVersion"]] = "6"
        new[path: ["metadata", "annotations", "multicluster.flyte.org/applied-hash"]] = "2"
        #expect(diff(Self.account, new).lines.last == "# no field changes, only the owners of fields")
        new[path: ["metadata", "annotations", "role"]] = "new"
        let lines = diff(Self.account, new).lines
        #expect(lines.contains("-    role: old") && lines.contains("+    role: new"))
        #expect(!lines.contains { $0.contains("uid") || $0.contains("managedFields") || $0.contains("hash") })
        #expect(diff(nil, new).lines.prefix(2) == ["--- /dev/null", "+++ a-development/x"])
    }

    @Test("diff hides a Secret's content on both sides, also when another Secret gave it")
    func secretFields() {
        var shadow = Self.account
        shadow[path: ["metadata", "annotations", "role"]] = "what-a-secret-holds"
        var before = Self.account
        before[path: ["metadata", "annotations", "role"]] = "the one before"
        let secrets = SecretFields.between(Self.account, shadow)
        let text = diff(before, Self.account, secrets).text
        #expect(!text.contains("old") && !text.contains("the one before"))
        #expect(text.contains(#"-    role: "<redacted>""#) && text.contains("+    role: \"<redacted> (another one)\""))
        #expect(diff(Self.account, Self.account, secrets).lines.last == "# no field changes, only the owners of fields")
        // Where even the names differ, nothing of it is shown.
        var renamed = Self.account
        renamed[path: ["metadata", "annotations"]] = ["what-a-secret-holds": "x"]
        #expect(!diff(nil, Self.account, .between(Self.account, renamed)).text.contains("old"))
    }

    @Test("Of a Secret the names of its entries are shown, and a known text nowhere")
    func secretObject() {
        let old: JSON = ["kind": "Secret", "data": ["a": "b2xk", "same": "c2FtZQ=="]]
        let new: JSON = ["kind": "Secret", "data": ["a": "bmV3", "same": "c2FtZQ=="]]
        let text = diff(old, new, .ofSecret).text
        #expect(
            text.contains(#"-  a: "<redacted>""#) && text.contains("same") && !text.contains("b2xk")
                && !text.contains("c2Ft"))
        let leaked = diff(["kind": "ConfigMap", "data": ["a": "hunter22"]], ["kind": "ConfigMap"], .none, ["hunter22"])
        #expect(!leaked.text.contains("hunter22"))
    }

    private func change(_ namespace: String, _ role: String) -> FoundChange {
        var new = Self.account
        new[path: ["metadata", "namespace"]] = .string(namespace)
        var old = new
        new[path: ["metadata", "annotations", "role"]] = .string(role)
        old[path: ["metadata", "annotations", "role"]] = "old"
        let path = "\(namespace)/serviceaccounts/default"
        return FoundChange(
            action: .change, namespace: namespace, object: "serviceaccounts/default",
            diff: ObjectDiff(path, old: old, new: new, secrets: .none, redaction: Redaction([])))
    }

    @Test("The same change of several data planes and namespaces is shown once")
    func folded() {
        var report = DiffReport(notes: [])
        for name in ["dp-1", "dp-2", "dp-3"] {
            var findings = DataPlaneFindings()
            findings.changes = [change("a-development", "new"), change("b-development", "new")]
            if name == "dp-3" { findings.changes[1] = change("b-development", "another") }
            report.add(name, .enforce, findings)
        }
        report.sort()
        let changes = report.json["changes"]?.array ?? []
        #expect(changes.map { $0["dataPlanes"]?.array?.count } == [3, 2, 1])
        #expect(changes.first?["objects"] == ["a-development/serviceaccounts/default"])
        #expect(report.json["dataPlanes"]?[0]?["plan"] == ["create": 0, "change": 2, "delete": 0, "conflict": 0])
        #expect(report.outcome == .findings)
        var alike = DiffReport(notes: [])
        var findings = DataPlaneFindings()
        findings.changes = [change("a-development", "new"), change("b-development", "new")]
        alike.add("dp-1", .enforce, findings)
        #expect(alike.json["changes"]?.array?.count == 1)
        #expect(text(alike).contains("change a-development/serviceaccounts/default and 1 more of its kind in dp-1"))
    }

    @Test("A data plane that can't be looked into is named, and that goes before findings")
    func unreachable() {
        var report = DiffReport(notes: ["a note"])
        report.add("dp-1", .enforce, DataPlaneFindings())
        #expect(report.outcome == .done && text(report).contains("nothing would change in 1 data plane"))
        report.add(skipped: "dp-2", "it is left alone")
        #expect(report.outcome == .done)
        var findings = DataPlaneFindings()
        findings.failures = [.init(namespace: "n", object: "o", reason: .invalid, message: "no such field")]
        report.add("dp-3", .observe, findings)
        #expect(report.outcome == .findings)
        report.add(unreachable: "dp-4", "no way")
        #expect(report.outcome == .failed)
        let page = text(report)
        #expect(page.contains("dp-4: could not be read: no way") && page.contains("dp-3: n: Invalid: no such field"))
        #expect(page.contains("note: a note") && report.json["unreachable"]?[0]?["name"] == "dp-4")
    }

    @Test("A file's object replaces the one in the cluster and keeps its age")
    func overlay() throws {
        let live = try objects(
            """
            kind: DataPlane
            apiVersion: multicluster.flyte.org/v1alpha1
            metadata: {name: a, uid: u1, creationTimestamp: "2026-01-01T00:00:00Z", annotations: {kept: "1"}}
            spec: {endpoint: "https://a", values: {x: "1"}}
            """)
        let files = try DiffFiles(
            [
                ImportText(
                    place: "f.yaml",
                    text: """
                        apiVersion: v1
                        kind: List
                        items:
                        - {apiVersion: multicluster.flyte.org/v1alpha1, kind: DataPlane, metadata: {name: a}, spec: {endpoint: "https://b"}}
                        - {apiVersion: v1, kind: ConfigMap, metadata: {name: t, namespace: flyte}, data: {a.yaml: x}}
                        ---
                        {apiVersion: v1, kind: Secret, metadata: {name: s}}
                        ---
                        {apiVersion: multicluster.flyte.org/v1alpha1, kind: FlyteProject, metadata: {name: p, namespace: other}, spec: {}}
                        """)
            ], namespace: "flyte")
        let merged = files.over(live)
        let plane = try #require(merged[.dataPlanes].first)
        #expect(plane.metadata.uid == "u1" && plane.metadata.annotations?["kept"] == "1")
        #expect(plane.spec("endpoint") == "https://b" && plane.spec("values") == nil)
        #expect(merged.configMaps["t"] == .present(["a.yaml": "x"]))
        #expect(files.notes.count == 2, "\(files.notes)")
    }

    @Test(
        "A file that an API server would refuse is refused, with its place",
        arguments: [
            "{apiVersion: multicluster.flyte.org/v1alpha1, kind: DataPlane, metadata: {name: a}, spec: {endpoint: \"http://a\"}}",
            "{apiVersion: multicluster.flyte.org/v1alpha1, kind: ClusterRegistry, metadata: {name: flyte}, spec: {mode: Never}}",
            "{apiVersion: multicluster.flyte.org/v1alpha1, kind: ClusterRegistry, metadata: {name: fleet}, spec: {}}",
            "{kind: DataPlane", "{kind: DataPlane, metadata: {}}",
        ])
    func refused(_ text: String) {
        #expect(throws: ImportFailure.self) {
            try DiffFiles([ImportText(place: "f.yaml", text: text)], namespace: "flyte")
        }
    }
}
