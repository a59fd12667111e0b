import JSON
import Support

/// What `squadron explain` says.
public struct Explanation: Sendable {
    public var placement: Placement
    public var request: Placement.Request
    /// Both nil without `--execution`; the cluster also where there is no candidate.
    public var execution: String?
    public var cluster: String?
    public var notes: [String]

    public init(_ request: Placement.Request, execution: String?, objects: FleetObjects, now: Instant) {
        self.request = request
        self.execution = execution
        let (fleet, notes) = objects.fleet(now: now)
        placement = fleet.placement(of: request)
        cluster = execution.flatMap { [placement] in placement.cluster(forExecution: $0) }
        self.notes = placement.notes + objects.readinessNotes(placement) + notes
    }

    /// The contract's object.
    public var json: JSON {
        var json: JSON = [
            "rule": .string(placement.rule.rawValue), "label": .string(placement.label),
            "candidates": .array(
                placement.candidates.map {
                    [
                        "cluster": .string($0.cluster), "weight": .double($0.weight),
                        "probability": .double($0.probability),
                    ]
                }),
            "dropped": .array(
                placement.dropped.map { ["cluster": .string($0.cluster), "reason": .string($0.reason)] }),
        ]
        if let cluster { json["cluster"] = .string(cluster) }
        return json
    }

    /// For people: lines without an end of line.
    public var text: String {
        var lines = [headline]
        let rows =
            [("CLUSTER", "WEIGHT", "PROBABILITY")]
            + placement.candidates.map {
                ($0.cluster, LabelWeights.text($0.weight), Self.percent($0.probability))
            }
        if placement.candidates.isEmpty {
            lines.append("no cluster can be drawn")
        } else {
            let first = rows.map(\.0.count).max() ?? 0
            let second = rows.map(\.1.count).max() ?? 0
            for row in rows {
                lines.append("  " + Self.padded(row.0, first) + "   " + Self.padded(row.1, second) + "   " + row.2)
            }
        }
        for dropped in placement.dropped { lines.append("left out: \(dropped.cluster) (\(dropped.reason))") }
        for note in notes { lines.append("note: \(note)") }
        if let execution, let cluster { lines.append("execution \(execution): \(cluster)") }
        return lines.joined(separator: "\n")
    }

    private var headline: String {
        let place = "\(request.project)/\(request.domain)"
        return switch placement.rule {
        case .launchLabel: "label \(placement.label), the launch's own"
        case .workflow: "label \(placement.label), set for the workflow \(request.workflow ?? "") in \(place)"
        case .projectDomain: "label \(placement.label), set for \(place)"
        case .defaultLabel: "label \(placement.label), the default for executions without a usable label"
        case .allClusters: "no label: every enabled cluster has the same chance"
        }
    }

    private static func percent(_ share: Double) -> String {
        let tenths = Int(saturating: (share * 1000).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }
    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
