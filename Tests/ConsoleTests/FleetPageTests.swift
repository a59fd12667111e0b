import Fleet
import JSON
import KubeObjects
import Testing

@testable import Console

@Suite("The model of squadron ui's page")
struct FleetPageTests {
    private static let conditions = """
        conditions:
          - {type: Synced, status: "True", reason: InSync, message: "", observedGeneration: 1, lastTransitionTime: "2026-06-01T11:00:00Z"}
          - {type: Ready, status: "True", reason: Ready, message: "", observedGeneration: 1, lastTransitionTime: "2026-06-01T11:00:00Z"}
        """
    private static func plane(_ name: String, spec: String = "", status: String = "") -> String {
        """
        kind: DataPlane
        metadata: {name: \(name), generation: 1}
        spec: {endpoint: "https://dp.example"\(spec)}
        status:
          observedGeneration: 1
          \(conditions)
        \(status)
        ---

        """
    }
    private static func label(_ name: String, _ clusters: String) -> String {
        """
        kind: ExecutionLabel
        metadata: {name: \(name), generation: 1}
        spec: {clusters: [\(clusters)]}
        ---

        """
    }
    private static func assignment(_ project: String, _ label: String, workflow: String = "") -> String {
        let detail = workflow.isEmpty ? "" : ", workflow: \(workflow)"
        return """
            kind: ExecutionClusterLabel
            metadata: {name: \(project)-\(label)-\(workflow.isEmpty ? "all" : "one"), generation: 1}
            spec: {project: \(project), domain: development, value: \(label)\(detail)}
            status:
              conditions: [{type: NamespaceSynced, status: "True", reason: InSync, message: "", observedGeneration: 1, lastTransitionTime: "2026-06-01T11:00:00Z"}]
            ---

            """
    }
    private func page(_ text: String) throws -> FleetPage { FleetPage(try objects(text), now: now) }

    @Test("An empty fleet is a page without rows, and no division by nothing")
    func empty() throws {
        let page = FleetPage(ControlPlaneObjects(namespace: "flyte"), now: now)
        #expect(page.json["dataPlanes"] == [] && page.json["matrix"]?["rows"] == [])
        #expect(page.flow.sources.isEmpty && page.flow.clusters.isEmpty)
        #expect(!page.rollout.isProgressive)
    }

    @Test("Executions flow from project-domains over labels to clusters, each with a chance")
    func flow() throws {
        let text =
            Self.plane("dp1") + Self.plane("dp2")
            + Self.label("label1", "{name: dp1, weight: 0.7}, {name: dp2, weight: 0.3}")
            + Self.label("gpu", "{name: dp2, weight: 1}") + Self.assignment("team1", "label1")
            + Self.assignment("team1", "gpu", workflow: "train")
        let flow = try page(text).flow
        #expect(flow.sources.map(\.names) == [["team1/development/train"], ["team1/development"]])
        #expect(flow.labels.map(\.names) == [["gpu"], ["label1"]])
        #expect(flow.clusters.map(\.names).sorted { $0[0] < $1[0] } == [["dp1"], ["dp2"]])
        #expect(flow.uses.map(\.share) == [0.5, 0.5])
        let ways = Set(
            flow.targets.map { "\(flow.labels[$0.from].names[0]) \(flow.clusters[$0.to].names[0]) \($0.share)" })
        #expect(ways.count == 3 && ways.contains("gpu dp2 1.0"))
        let first = flow.targets.first {
            flow.labels[$0.from].names == ["label1"] && flow.clusters[$0.to].names == ["dp1"]
        }
        #expect(abs((first?.share ?? 0) - 0.7) < 0.001)
    }

    @Test("A cordoned cluster has a way that is stopped, and says why")
    func cordoned() throws {
        let text =
            Self.plane("dp1") + Self.plane("dp2", spec: ", unschedulable: true")
            + Self.label("label1", "{name: dp1, weight: 0.5}, {name: dp2, weight: 0.5}")
            + Self.assignment("team1", "label1")
        let flow = try page(text).flow
        let stopped = flow.targets.filter { !$0.stopped.isEmpty }
        #expect(stopped.map { flow.clusters[$0.to].names } == [["dp2"]] && stopped.first?.stopped == "Unschedulable")
        #expect(flow.targets.filter { $0.stopped.isEmpty }.map(\.share) == [1])
    }

    @Test("A label without effect is marked, and its project-domains go where they would go")
    func lostLabel() throws {
        let text = Self.plane("dp1") + Self.assignment("team1", "nowhere")
        let flow = try page(text).flow
        #expect(flow.sources.map(\.trouble) == ["its label nowhere has no effect"])
        #expect(flow.labels.map(\.names) == [["no label"]])
        #expect(flow.targets.map(\.share) == [1])
    }

    @Test("500 data planes and 200 project-domains are a few boxes, and nothing is lost")
    func large() throws {
        var text = ""
        for number in 0..<500 { text += Self.plane("dp-\(number)") }
        for label in 0..<10 {
            let clusters = (0..<50).map { "{name: dp-\(label * 50 + $0), weight: 0.02}" }
            text += Self.label("region-\(label)", clusters.joined(separator: ", "))
        }
        for project in 0..<200 { text += Self.assignment("team\(project)", "region-\(project % 10)") }
        let page = try page(text)
        #expect(page.flow.sources.count == 10 && page.flow.clusters.count == 10)
        #expect(page.flow.sources.reduce(0) { $0 + $1.names.count } == 200)
        #expect(page.flow.clusters.reduce(0) { $0 + $1.names.count } == 500)
        #expect(page.flow.targets.allSatisfy { abs($0.share - 1) < 0.001 })
        #expect(page.matrix.rows.count == 500 && page.matrix.columns.count == 200)
        #expect(page.json.serializedString.utf8.count < 1 << 20)
    }

    @Test("More labels than there is room for are one box, whose names are all there")
    func manyLabels() throws {
        var text = Self.plane("dp1")
        for number in 0..<60 { text += Self.label("label-\(number)", "{name: dp1, weight: 1}") }
        let flow = try page(text).flow
        #expect(flow.labels.count == FleetFlow.labelsLimit)
        #expect(flow.labels.reduce(0) { $0 + $1.names.count } == 60)
    }

    @Test("The matrix has what fails, what is in sync, what is not known or left alone")
    func matrix() throws {
        let failing = """
              failures: [{namespace: team1-development, object: Namespace/team1-development, reason: Forbidden, message: no}]
              failuresTotal: 1
            """
        let text =
            Self.plane("a-good") + Self.plane("b-fails", status: failing)
            + Self.plane("c-off", spec: ", enabled: false")
            + "kind: DataPlane\nmetadata: {name: d-new, generation: 1}\nspec: {endpoint: \"https://new\"}\n---\n"
            + Self.assignment("team1", "label1") + Self.assignment("team2", "label1")
        let matrix = try page(text).matrix
        #expect(matrix.columns.map(\.namespace) == ["team1-development", "team2-development"])
        func presence(_ name: String, _ column: Int) -> Presence? {
            matrix.rows.firstIndex { $0.dataPlane == name }.map { matrix.presence(row: $0, column: column) }
        }
        #expect(presence("a-good", 0) == .inSync && presence("b-fails", 1) == .inSync)
        guard case .failing(let failures)? = presence("b-fails", 0) else { Issue.record("it does not fail"); return }
        #expect(failures.map(\.reason) == ["Forbidden"])
        #expect(presence("c-off", 0) == .leftAlone("spec.enabled is false"))
        guard case .unknown? = presence("d-new", 0) else { Issue.record("nothing is known of it"); return }
    }

    @Test("With syncScope Labelled, a data plane that no label reaches has no namespace")
    func reach() throws {
        let text =
            "kind: ClusterRegistry\nmetadata: {name: flyte}\nspec: {syncScope: Labelled}\n---\n" + Self.plane("dp1")
            + Self.plane("dp2") + Self.label("label1", "{name: dp1, weight: 1}") + Self.assignment("team1", "label1")
        let matrix = try page(text).matrix
        let states = (0..<2).map { matrix.presence(row: $0, column: 0) }
        #expect(states == [.inSync, .notReached])
    }

    @Test("A staged rollout shows whose turn it is, group by group")
    func rollout() throws {
        let registry = """
            kind: ClusterRegistry
            metadata: {name: flyte}
            spec: {rollout: {type: Progressive, groups: [[dp1, gone], [dp2]]}}
            status: {rollout: {revision: 4, phase: Progressing, updated: 1, total: 3, current: [dp2]}}
            ---

            """
        let text =
            registry + Self.plane("dp1", status: "  appliedRevision: 4")
            + Self.plane("dp2", status: "  appliedRevision: 3")
            + Self.plane("dp3", status: "  appliedRevision: 3") + Self.plane("resting", spec: ", enabled: false")
        let rollout = try page(text).rollout
        #expect(
            rollout.groups.map { $0.map { "\($0.name) \($0.state.rawValue)" } } == [
                ["dp1 updated"], ["dp2 current"], ["dp3 waiting", "resting left"],
            ])
        #expect(rollout.json["updated"] == 1 && rollout.json["phase"] == "Progressing")
    }

    @Test("Hostile names and messages come as text without control or direction characters")
    func hostile() throws {
        let text =
            Self.plane(#""<img src=x onerror=alert(1)>\u202E\e[2J""#, status: "  kubernetesVersion: \"</script>\"")
        let json = try page(text).json
        let name = json["dataPlanes"]?[0]?["name"]?.string
        #expect(name == "<img src=x onerror=alert(1)>\u{FFFD}\u{FFFD}[2J")
        #expect(!json.serializedString.contains("\u{202E}"))
    }

    @Test("Only Events of the operator are shown, the newest first and not too many")
    func events() throws {
        func event(_ minute: Int, controller: String = FleetEvent.controller) -> JSON {
            [
                "reportingComponent": .string(controller), "type": "Warning", "reason": "TokenEnds",
                "message": "a\u{7}b",
                "eventTime": .string("2026-06-01T11:\(minute < 10 ? "0" : "")\(minute):00.000000Z"),
                "involvedObject": ["kind": "DataPlane", "name": "dp1"],
            ]
        }
        #expect(FleetEvent(event(1, controller: "kubelet")) == nil)
        #expect(FleetEvent(["reportingComponent": .string(FleetEvent.controller)]) == nil)
        let all = (0..<60).compactMap { FleetEvent(event($0)) } + (0..<60).compactMap { FleetEvent(event($0)) }
        let newest = FleetEvent.newest(all)
        #expect(newest.count == FleetEvent.limit && newest[0].time.description == "2026-06-01T11:59:00Z")
        #expect(newest[0].about == "DataPlane dp1" && newest[0].note == "a\u{FFFD}b")
    }
}
