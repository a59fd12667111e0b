import Fleet
import JSON
import Support

/// Where an execution would go, by which rule, and which objects decide that. With the execution's name also its one
/// cluster, and where flyteadmin says that it ran.
public struct Explanation: Report {
    public let placement: Placement
    public let request: Placement.Request
    /// Nil without `--execution`.
    public let execution: String?
    /// The cluster that the execution would run on. Nil without `--execution`, and if no cluster can be drawn.
    public let cluster: String?
    /// Where that execution ran. Nil if it did not run, or if that is not known.
    public let ranOn: String?
    public let notes: [String]

    public init(_ request: Placement.Request, execution: String?, objects: FleetObjects, now: Instant) {
        self.request = request
        self.execution = execution
        let (fleet, fleetNotes) = objects.fleet(now: now)
        placement = fleet.placement(of: request)
        cluster = execution.flatMap { [placement] in placement.cluster(forExecution: $0) }
        var ranOn: String?
        if case .present(let ran)? = objects.flyteAdmin?.execution, !ran.cluster.isEmpty { ranOn = ran.cluster }
        self.ranOn = execution == nil ? nil : ranOn
        let grounds = PlacementGrounds(objects, fleet, now: now)
        var notes = placement.notes + grounds.sources(of: placement, request)
        notes += objects.readinessNotes(placement) + fleetNotes
        notes += grounds.unread(request, placement) + grounds.unreadClusters
        if let execution { notes += grounds.ran(execution, request, drawn: cluster) }
        notes += grounds.rowsWithoutObject {
            $0.project == request.project && ["", request.domain].contains($0.domain)
        }
        self.notes = notes + grounds.problems
    }

    public var outcome: Outcome { placement.candidates.isEmpty && ranOn == nil ? .findings : .done }

    /// The JSON object of the contract.
    public var json: JSON {
        var json = placement.json
        json["notes"] = .array(notes.map { .string($0) })
        if let cluster { json["cluster"] = .string(cluster) }
        if let ranOn { json["ranOn"] = .string(ranOn) }
        return json
    }

    public func write(to page: inout Page) {
        page.line(Span(headline))
        if placement.candidates.isEmpty {
            page.line(Span("no cluster can be drawn", .bad))
        } else {
            let rows = placement.candidates.map { candidate in
                [candidate.cluster, LabelWeights.text(candidate.weight), Share.text(candidate.probability)].map {
                    Span($0)
                }
            }
            page.table(["CLUSTER", "WEIGHT", "PROBABILITY"], rows, indent: 2)
        }
        for dropped in placement.dropped { page.line(Span("left out: \(dropped.cluster) (\(dropped.reason))")) }
        for note in notes { page.line(Span("note: ", .dim), Span(note, limit: 1024)) }
        if let execution, let cluster { page.line(Span("execution \(execution): "), Span(cluster, .bold)) }
        if let execution, let ranOn { page.line(Span("execution \(execution) ran on: "), Span(ranOn, .bold)) }
    }

    private var headline: String {
        let place = "\(request.project)/\(request.domain)"
        return switch placement.rule {
        case .launchLabel: "label \(placement.label), the launch's own"
        case .workflow: "label \(placement.label), set for the workflow \(request.workflow ?? "") in \(place)"
        case .projectDomain: "label \(placement.label), set for \(place)"
        case .project: "label \(placement.label), set for the project \(request.project)"
        case .defaultLabel: "label \(placement.label), the default for executions without a usable label"
        case .allClusters: "no label: every enabled cluster has the same chance"
        }
    }
}

extension Placement {
    var json: JSON {
        [
            "rule": .string(rule.rawValue), "label": .string(label),
            "candidates": .array(
                candidates.map {
                    [
                        "cluster": .string($0.cluster), "weight": .double($0.weight),
                        "probability": .double($0.probability),
                    ]
                }),
            "dropped": .array(dropped.map { ["cluster": .string($0.cluster), "reason": .string($0.reason)] }),
        ]
    }
}

/// A probability for people: one digit after the point.
enum Share {
    static func text(_ share: Double) -> String {
        let tenths = Int(saturating: (share * 1000).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }
}
