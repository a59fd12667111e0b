import Fleet
import JSON
import KubeObjects

/// A Kubernetes Event of the operator about one of our objects.
struct FleetEvent: Sendable, Hashable {
    /// The operator's own Events. Events of other controllers in the namespace are skipped.
    static let controller = "multicluster.flyte.org/squadron"
    static let type = ResourceType(version: "v1", kind: "Event", plural: "events", isNamespaced: true)
    /// How many are shown.
    static let limit = 60

    var time: Timestamp
    var isWarning: Bool
    var reason: String
    var note: String
    /// `DataPlane dataplane-1`.
    var about: String
    var count: Int64

    /// The `v1` form of Events, which Kubernetes' role `view` may read in every version. Nil for an Event of another
    /// controller, or without a time.
    init?(_ json: JSON) {
        guard json["reportingComponent"]?.string == Self.controller else { return nil }
        let series = json["series"]
        let times = [series?["lastObservedTime"], json["eventTime"], json["lastTimestamp"]]
        guard let time = times.compactMap({ $0?.string.flatMap { Timestamp($0) } }).first else { return nil }
        self.time = time
        isWarning = json["type"]?.string == "Warning"
        reason = json["reason"]?.string ?? ""
        note = (json["message"]?.string ?? "").shownOnTerminal(limit: 1024)
        let object = json["involvedObject"]
        about = [object?["kind"]?.string, object?["name"]?.string].compactMap { $0 }.joined(separator: " ")
        count = series?["count"]?.int ?? json["count"]?.int ?? 1
    }

    static func newest(_ events: [FleetEvent]) -> [FleetEvent] {
        let sorted = events.sorted { left, right in
            left.time != right.time ? left.time > right.time : (left.about, left.note) < (right.about, right.note)
        }
        return Array(sorted.prefix(limit))
    }

    var json: JSON {
        [
            "time": .string(time.description), "warning": .bool(isWarning), "reason": .string(reason),
            "note": .string(note), "about": .string(about), "count": .int(count),
        ]
    }
}
