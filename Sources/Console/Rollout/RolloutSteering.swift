import Fleet
import JSON
import Kube
import KubeObjects

/// What `squadron rollout pause`, `resume` and `undo` will change in the registry.
public struct RolloutSteering: Report {
    public enum Action: Sendable, Hashable {
        case pause
        /// - Parameter now: the annotation's new text, which differs each time.
        case resume(now: Timestamp)
        /// - Parameter revision: nil: the last revision that was completed.
        case undo(to: Int64?)
    }
    /// A merge patch of the registry. Nil if nothing needs to change.
    let change: JSON?
    /// Why nothing is done.
    public private(set) var refusal: String?
    private let done: String

    public var outcome: Outcome { refusal == nil ? .done : .failed }

    /// - Parameter revisions: the ControllerRevisions of the rollout. Only `undo` uses them.
    public init(_ action: Action, _ objects: ControlPlaneObjects, revisions: [DynamicObject] = []) {
        let registry = objects.registry
        guard let registry else {
            (change, done) = (nil, "")
            refusal = "there is no ClusterRegistry \(ClusterRegistry.theName)"
            return
        }
        guard registry.spec("rollout", "type")?.string == RolloutPolicy.Kind.progressive.rawValue else {
            (change, done) = (nil, "")
            refusal = "changes go to all data planes at once: spec.rollout.type of the registry is not Progressive"
            return
        }
        let isPaused = registry.spec("rollout", "paused") == .bool(true)
        switch action {
        case .pause:
            change = isPaused ? nil : ["spec": ["rollout": ["paused": true]]]
            done = isPaused ? "already paused" : "paused: no further data plane gets the change"
        case .resume(let now):
            var patch: JSON = ["metadata": ["annotations": [RolloutNames.resumedAt: .string(now.description)]]]
            if isPaused { patch["spec"] = ["rollout": ["paused": false]] }
            change = patch
            done = "resumed; failures that there are now are let pass"
        case .undo(let wanted):
            let known = Self.numbers(revisions)
            let newest = known.max() ?? 0
            guard let target = wanted ?? Self.lastComplete(revisions) else {
                (change, done) = (nil, "")
                refusal = "no earlier revision was completed; name one with --to-revision"
                return
            }
            guard known.contains(target) else {
                (change, done) = (nil, "")
                let there = known.sorted().map { String($0) }.joined(separator: ", ")
                refusal = "there is no revision \(target); there are: \(there.isEmpty ? "none" : there)"
                return
            }
            change = ["metadata": ["annotations": [RolloutNames.pinned: .string("\(target)/\(newest)")]]]
            done =
                "all data planes go back to revision \(target) at once, and stay there until templates, values or "
                + "workloadIdentity change again"
        }
    }

    private static func numbers(_ revisions: [DynamicObject]) -> Set<Int64> {
        Set(revisions.compactMap { $0.json["revision"]?.int })
    }

    /// The last completed revision before the present one.
    private static func lastComplete(_ revisions: [DynamicObject]) -> Int64? {
        let newest = revisions.max { ($0.json["revision"]?.int ?? 0) < ($1.json["revision"]?.int ?? 0) }
        guard let newest, let text = newest.metadata.annotations?[RolloutNames.state],
            let record = try? JSON(parsing: text).decode(StagedRollout.Record.self)
        else { return nil }
        return record.complete == newest.json["revision"]?.int ? record.completeBefore : record.complete
    }

    public var json: JSON {
        var json: JSON = ["changed": .bool(change != nil)]
        if let refusal { json["refusal"] = .string(refusal) } else { json["message"] = .string(done) }
        return json
    }

    public func write(to page: inout Page) { if refusal == nil { page.line(Span(done)) } }
}

extension RolloutSteering {
    /// Changes the registry with the user's own rights.
    public func apply(_ reader: ControlPlaneReader) async throws(KubeError) {
        guard let change else { return }
        try await reader.client.mergePatch(
            change, type: .clusterRegistries, namespace: reader.namespace, name: ClusterRegistry.theName,
            fieldManager: "squadron-rollout", metadataOnlyAnswer: true)
    }
}

extension ControlPlaneReader {
    public func rolloutRevisions() async throws(KubeError) -> [DynamicObject] {
        let collection = KubeCollection(
            .controllerRevisions, namespace: namespace,
            labelSelector: "\(RolloutNames.label)=\(ClusterRegistry.theName)")
        return try await client.listAll(DynamicObject.self, of: collection).compactMap(\.object)
    }
}
