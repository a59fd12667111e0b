import Fleet
import JSON
import Testing

@testable import Console

@Suite("squadron cordon and uncordon")
struct CordonTests {
    private static func plane(_ name: String, _ spec: String = "") -> String {
        """
        ---
        apiVersion: multicluster.flyte.org/v1alpha1
        kind: DataPlane
        metadata: {name: \(name), namespace: flyte}
        spec: {endpoint: "https://\(name).example.com"\(spec.isEmpty ? "" : ", " + spec)}

        """
    }
    private static func label(_ name: String, _ clusters: [String: Double], allowEmpty: Bool = false) -> String {
        let entries = clusters.sorted { $0.key < $1.key }.map { "{name: \($0.key), weight: \($0.value)}" }
        let annotations = allowEmpty ? ", annotations: {multicluster.flyte.org/allow-empty: \"true\"}" : ""
        return """
            ---
            apiVersion: multicluster.flyte.org/v1alpha1
            kind: ExecutionLabel
            metadata: {name: \(name), namespace: flyte\(annotations)}
            spec: {clusters: [\(entries.joined(separator: ", "))]}

            """
    }
    private func plan(_ action: CordonPlan.Action, _ manifests: String...) throws -> CordonPlan {
        CordonPlan(action, of: "a", try objects(manifests.joined()))
    }

    @Test("The other clusters of a label share the part of a cordoned one")
    func shares() throws {
        let label = Self.label("l", ["a": 0.5, "b": 0.2, "c": 0.3])
        let plan = try plan(.cordon(force: false), Self.plane("a"), Self.plane("b"), Self.plane("c"), label)
        #expect(plan.outcome == .done && plan.steps == [.setUnschedulable(true)])
        #expect(plan.json["labels"]?[0]?["clusters"]?.array?.compactMap { $0["weight"]?.double } == [0.4, 0.6])
        #expect(text(plan) == "a cordoned\n  label l: b=0.4,c=0.6\n")
    }

    @Test("Without --force cordon refuses a label's last cluster and changes nothing")
    func refused() throws {
        let one = Self.label("one", ["a": 1])
        let two = Self.label("two", ["a": 0.5, "b": 0.5])
        for other in [Self.plane("b", "unschedulable: true"), Self.plane("b", "enabled: false"), ""] {
            let plan = try plan(.cordon(force: false), Self.plane("a"), other, one, two)
            #expect(plan.outcome == .failed && plan.steps.isEmpty)
            #expect(plan.objection?.hasPrefix("labels one, two would lose the last cluster") == true)
            #expect(plan.json["changed"] == false && text(plan).isEmpty)
        }
    }

    @Test("With --force cordon first permits each label to become empty")
    func forced() throws {
        let labels = [
            Self.label("one", ["a": 1]), Self.label("two", ["a": 0.5, "b": 0.5]),
            Self.label("mine", ["a": 1], allowEmpty: true), Self.label("other", ["b": 1]),
        ]
        let plan = try plan(.cordon(force: true), Self.plane("a"), Self.plane("b"), labels.joined())
        #expect(plan.outcome == .done)
        #expect(plan.steps == [.setAllowEmpty(label: "one", true), .setUnschedulable(true)])
        #expect(text(plan).contains("label one: no cluster is left"))
    }

    @Test("A label that may be empty, or gives the cluster no weight, does not stop cordon")
    func allowed() throws {
        let labels = Self.label("mine", ["a": 1], allowEmpty: true) + Self.label("b", ["a": 0, "b": 1])
        let plan = try plan(.cordon(force: false), Self.plane("a"), labels)
        #expect(plan.steps == [.setUnschedulable(true)])
    }

    @Test("What is cordoned already stays so, and --force lets a label go that was held")
    func already() throws {
        let cordoned = Self.plane("a", "unschedulable: true")
        let held = try plan(.cordon(force: false), cordoned, Self.label("one", ["a": 1]))
        #expect(held.outcome == .done && held.steps.isEmpty)
        #expect(text(held).hasPrefix("a already cordoned\n") && text(held).contains("until --force"))
        let forced = try plan(.cordon(force: true), cordoned, Self.label("one", ["a": 1]))
        #expect(forced.steps == [.setAllowEmpty(label: "one", true)])
    }

    @Test("uncordon takes the permission to be empty from the labels that it serves again")
    func uncordoned() throws {
        let labels = Self.label("one", ["a": 1], allowEmpty: true) + Self.label("other", ["b": 1], allowEmpty: true)
        let plan = try plan(.uncordon, Self.plane("a", "unschedulable: true"), labels)
        #expect(plan.steps == [.setUnschedulable(false), .setAllowEmpty(label: "one", false)])
        #expect(text(plan) == "a uncordoned\n  label one: a=1\n")
        let disabled = try self.plan(.uncordon, Self.plane("a", "unschedulable: true, enabled: false"), labels)
        #expect(disabled.steps == [.setUnschedulable(false)], "its label would still be empty")
    }

    @Test("An unknown DataPlane is named, with the one whose cluster has that name")
    func absent() throws {
        #expect(try plan(.uncordon).objection == "there is no DataPlane a")
        let other = try plan(.uncordon, Self.plane("x", "clusterName: a"))
        #expect(other.objection == "there is no DataPlane a; a is the cluster of x" && other.outcome == .failed)
    }

    @Test("A label that can't be read is named")
    func unreadable() throws {
        let broken = """
            ---
            apiVersion: multicluster.flyte.org/v1alpha1
            kind: ExecutionLabel
            metadata: {name: broken, namespace: flyte}
            spec: {clusters: 3}

            """
        let plan = try plan(.cordon(force: false), Self.plane("a"), broken)
        #expect(plan.outcome == .done && plan.notes.contains { $0.contains("broken") })
    }
}
