import Fleet
import JSON
import KubeObjects

/// What `squadron cordon` and `uncordon` will change in a data plane and in the labels that send executions there.
public struct CordonPlan: Report {
    public enum Action: Sendable, Hashable {
        /// - Parameter force: cordons even if a label becomes empty.
        case cordon(force: Bool)
        case uncordon
    }
    /// A change of one object.
    enum Step: Sendable, Hashable {
        /// `spec.unschedulable` of the DataPlane.
        case setUnschedulable(Bool)
        /// The annotation that lets a label become empty, on an ExecutionLabel.
        case setAllowEmpty(label: String, Bool)
    }
    /// A label that names the cluster, as it is after the change.
    struct Label: Sendable, Hashable {
        var object: String
        var label: String
        var shares: [ExecutionLabelSpec.Cluster]
        var mayBeEmpty: Bool
        var isEmpty: Bool { shares.isEmpty }
    }

    let action: Action
    let name: String
    private(set) var cluster = ""
    /// The steps in order. A step whose effect must not show before another's comes after it.
    private(set) var steps: [Step] = []
    private(set) var labels: [Label] = []
    /// Why nothing is done.
    private(set) var refusal: String?
    private(set) var notes: [String] = []

    public var outcome: Outcome { refusal == nil ? .done : .failed }

    /// - Parameter name: the DataPlane's name.
    public init(_ action: Action, of name: String, _ objects: ControlPlaneObjects) {
        self.action = action
        self.name = name
        let planes = objects.decoded(DataPlane.self)
        let known = objects.decoded(ExecutionLabel.self)
        guard let object = planes.objects.first(where: { $0.metadata.name == name }) else {
            refusal = Self.absence(of: name, planes)
            return
        }
        cluster = object.clusterName
        notes = known.problems.map { "\($0): whether it names \(cluster) is not known" }
        let isCordoned = action != .uncordon
        var next = planes.objects
        for index in next.indices where next[index].metadata.name == name {
            next[index].spec.unschedulable = isCordoned
        }
        let scheduling = Scheduling(next)
        let owners = LabelResolution.all(known.objects, clusters: [:])
        let concerned = known.objects.filter { label in
            owners[label.metadata.name]?.isInForce == true
                && label.spec.clusters.contains { $0.name == cluster && $0.weight > 0 }
        }
        labels = concerned.map {
            Label(
                object: $0.metadata.name, label: $0.label, shares: scheduling.shares(of: $0), mayBeEmpty: $0.mayBeEmpty)
        }
        decide(object, isCordoned)
    }

    private mutating func decide(_ object: DataPlane, _ isCordoned: Bool) {
        let step: [Step] = object.spec.unschedulable == isCordoned ? [] : [.setUnschedulable(isCordoned)]
        switch action {
        case .cordon(let force):
            let empty = labels.filter { $0.isEmpty && !$0.mayBeEmpty }
            if force {
                allowEmpty(true) { $0.isEmpty && !$0.mayBeEmpty }
                steps += step
            } else if let first = empty.first, !step.isEmpty {
                refusal =
                    "\(first.isMeant(among: empty)) would lose the last cluster that new executions can go to. Cordon with "
                    + "--force to let that happen: executions with the label go to any cluster then"
            } else {
                steps = step
                notes += empty.map {
                    "label \($0.label) stays published with \(cluster), its last cluster, until --force lets it go"
                }
            }
        case .uncordon:
            steps = step
            // A label that is still empty keeps the annotation: without it, the operator would publish a cordoned
            // cluster for it again.
            allowEmpty(false) { !$0.isEmpty && $0.mayBeEmpty }
        }
    }

    private mutating func allowEmpty(_ isAllowed: Bool, _ isConcerned: (Label) -> Bool) {
        for index in labels.indices where isConcerned(labels[index]) {
            labels[index].mayBeEmpty = isAllowed
            steps.append(.setAllowEmpty(label: labels[index].object, isAllowed))
        }
    }

    private static func absence(
        of name: String, _ planes: (objects: [DataPlane], problems: [String])
    ) -> String {
        if let problem = planes.problems.first(where: { $0.hasPrefix("DataPlane \(name): ") }) { return problem }
        let other = planes.objects.first { $0.clusterName == name }
        return "there is no DataPlane \(name)" + (other.map { "; \(name) is the cluster of \($0.metadata.name)" } ?? "")
    }
}

extension CordonPlan.Label {
    fileprivate func isMeant(among all: [Self]) -> String {
        all.count == 1 ? "label \(label)" : "labels " + all.map(\.label).sorted().joined(separator: ", ")
    }
}

extension CordonPlan {
    public var json: JSON {
        var json: JSON = [
            "dataPlane": .string(name), "unschedulable": .bool(action != .uncordon), "changed": .bool(isChange),
            "labels": .array(
                labels.map { label in
                    [
                        "name": .string(label.object), "label": .string(label.label),
                        "clusters": .array(
                            label.shares.map { ["name": .string($0.name), "weight": .double($0.weight)] }),
                        "allowEmpty": .bool(label.mayBeEmpty),
                    ]
                }),
            "notes": .array(notes.map { .string($0) }),
        ]
        if !cluster.isEmpty { json["cluster"] = .string(cluster) }
        if let refusal { json["refusal"] = .string(refusal) }
        return json
    }

    private var isChange: Bool { refusal == nil && !steps.isEmpty }

    public func write(to page: inout Page) {
        // The command prints the refusal on standard error.
        if refusal != nil { return }
        let word = action == .uncordon ? "uncordoned" : "cordoned"
        let isNews = steps.contains { if case .setUnschedulable = $0 { true } else { false } }
        page.line(Span("\(name) \(isNews ? "" : "already ")\(word)", .bold))
        for label in labels {
            let clusters = label.shares.map { "\($0.name)=\(LabelWeights.text($0.weight))" }.joined(separator: ",")
            page.line(Span("  label \(label.label): \(label.isEmpty ? "no cluster is left" : clusters)"))
        }
        for note in notes { page.line(Span("note: \(note)", .warning)) }
    }
}
