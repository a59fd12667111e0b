import Fleet
import JSON
import KubeObjects
import Support

/// The content of `squadron ui`'s page: a value made of the watched objects and a time. The browser gets its JSON. It
/// is made of custom resources and Events, so it holds no value of a Secret.
struct FleetPage: Sendable {
    let overview: FleetOverview
    let dataPlanes: [DataPlaneCard]
    let flow: FleetFlow
    let matrix: NamespaceMatrix
    let rollout: RolloutProgress
    let events: [FleetEvent]
    /// What can't be read, and what is odd.
    let notes: [String]

    /// - Parameter troubles: the kinds that can't be read, with the reason.
    init(_ objects: ControlPlaneObjects, events: [FleetEvent] = [], troubles: [String] = [], now: Instant) {
        overview = FleetOverview(objects, now: now)
        let facts = StoryFacts(objects)
        let found = Dictionary(objects[.dataPlanes].map { ($0.metadata.name, $0) }) { first, _ in first }
        // Worst first, in every part of the page.
        let ordered = overview.dataPlanes.compactMap { row in found[row.state.name].map { (row, $0) } }
        dataPlanes = ordered.map { DataPlaneCard($0.0, $0.1, now: now) }
        matrix = NamespaceMatrix(facts, dataPlanes: ordered.map(\.1))
        flow = FleetFlow(
            objects, wanted: Array(facts.domains.entries.keys),
            troubled: Set(overview.dataPlanes.filter { $0.standing.isTroubled }.map(\.cluster)), now: now)
        rollout = RolloutProgress(objects)
        self.events = FleetEvent.newest(events)
        notes = troubles + facts.notes
    }

    var json: JSON {
        var json: JSON = [
            "mode": .string(overview.mode.rawValue),
            "summary": .string(overview.summary), "namespaces": overview.namespaces.json,
            "dataPlanes": .array(dataPlanes.map(\.json)), "flow": flow.json, "matrix": matrix.json,
            "rollout": rollout.json, "events": .array(events.map(\.json)),
            "notes": .array(notes.prefix(50).map { .string($0) }),
            "ready": .int(Int64(overview.dataPlanes.count { $0.state.isReady })),
        ]
        if let registry = overview.registry {
            json["registry"] = [
                "ready": .string(registry.ready.rawValue), "reason": .string(registry.reason),
                "message": .string(registry.message), "mode": .string(overview.mode.rawValue),
                "troubles": .array(overview.registryTroubles.map(\.shownOnPage)),
            ]
        }
        if let leader = overview.leader {
            json["operator"] = ["holder": .string(leader.holder), "away": .bool(leader.isAway)]
        }
        json["groups"] = .array(
            overview.groups.map { group in
                [
                    "title": .string(group.title), "total": .int(Int64(group.total)), "ready": .int(Int64(group.ready)),
                    "notReady": .array(
                        group.notReady.prefix(FleetPage.namesLimit).map { state in
                            [
                                "name": .string(group.subjects[state.name] ?? state.name),
                                "reason": .string(state.reason), "message": .string(state.message),
                                "since": state.since.pageText,
                            ]
                        }),
                ]
            })
        return json.withShownText
    }

    /// How many names of a group are listed.
    static let namesLimit = 500
}

/// One data plane, with everything that its status says.
struct DataPlaneCard: Sendable {
    let row: FleetOverview.DataPlaneRow
    private let object: DynamicObject
    let ends: [FleetOverview.Expiry]

    init(_ row: FleetOverview.DataPlaneRow, _ object: DynamicObject, now: Instant) {
        (self.row, self.object) = (row, object)
        ends = FleetOverview.Expiry.all(of: object, now: now).sorted { $0.time < $1.time }
    }

    var json: JSON {
        let failures = (object.status("failures")?.array ?? []).prefix(FailureEntry.limit)
        let flyte = row.standing == .withoutFlyte ? row.flyteReady : nil
        var json: JSON = [
            "name": .string(row.state.name), "cluster": .string(row.cluster), "standing": .string(row.standing.word),
            "reason": .string(flyte?.reason ?? row.state.reason),
            "message": .string(flyte?.message ?? row.state.message),
            "since": row.state.since.pageText, "stale": .bool(row.state.isStale), "enabled": .bool(row.isEnabled),
            "cordoned": .bool(row.isUnschedulable), "mode": .string(row.mode ?? ""),
            "version": .string(row.version ?? ""), "endpoint": .string(object.spec("endpoint")?.string ?? ""),
            "conditions": .array(object.conditions.map(\.shownOnPage)),
            "ends": .array(
                ends.map { end in
                    [
                        "what": .string(end.what.rawValue), "time": .string(end.time.description),
                        "renewed": .bool(end.isRenewed), "near": .bool(end.isNear),
                    ]
                }),
            "failures": .array(
                failures.map { failure in
                    [
                        "namespace": .string(failure["namespace"]?.string ?? ""),
                        "object": .string(failure["object"]?.string ?? ""),
                        "reason": .string(failure["reason"]?.string ?? ""),
                        "message": .string(failure["message"]?.string ?? ""),
                        "since": .string(failure["since"]?.string ?? ""),
                    ]
                }),
            "failuresTotal": .int(object.status("failuresTotal")?.int ?? Int64(failures.count)),
        ]
        if let counts = row.namespaces { json["namespaces"] = counts.json }
        if let running = object.status("executions", "running")?.int { json["running"] = .int(running) }
        if let plan = object.status("plan"), plan.object != nil {
            json["plan"] = .object(
                Dictionary(
                    uniqueKeysWithValues: ["create", "change", "delete", "conflict"].map {
                        ($0, .int(plan[$0]?.int ?? 0))
                    }))
        }
        return json
    }
}

extension FleetOverview.DataPlaneRow.Standing {
    /// Whether executions that are sent there may fail.
    var isTroubled: Bool {
        switch self {
        case .failing, .unknown, .stale, .withoutFlyte: true
        case .expiring, .ready, .disabled: false
        }
    }

    /// The state's name in the page's style and script.
    var word: String {
        switch self {
        case .failing: "failing"
        case .unknown: "unknown"
        case .stale: "stale"
        case .withoutFlyte: "withoutFlyte"
        case .expiring: "expiring"
        case .ready: "ready"
        case .disabled: "disabled"
        }
    }
}

extension NamespaceCounts {
    var json: JSON {
        [
            "desired": .int(Int64(clamping: desired)), "synced": .int(Int64(clamping: synced)),
            "failed": .int(Int64(clamping: failed)),
        ]
    }
}

extension Timestamp? {
    /// The text is empty if the time is not known.
    var pageText: JSON { .string(self?.description ?? "") }
}

extension Condition {
    var shownOnPage: JSON {
        [
            "type": .string(type), "status": .string(status.rawValue), "reason": .string(reason),
            "message": .string(message), "since": .string(lastTransitionTime.description),
        ]
    }
}
