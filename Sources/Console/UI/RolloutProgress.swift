import Fleet
import JSON
import KubeObjects

/// How far a staged rollout is, group by group.
struct RolloutProgress: Sendable, Hashable {
    enum State: String, Sendable, Hashable { case updated, current, waiting, left }
    struct Member: Sendable, Hashable {
        var name: String
        var state: State
        var revision: Int64?
    }
    let isProgressive: Bool
    private(set) var status: RolloutStatus?
    private(set) var groups: [[Member]] = []

    init(_ objects: ControlPlaneObjects) {
        let registry = objects.registry
        isProgressive = registry?.spec("rollout", "type")?.string == RolloutPolicy.Kind.progressive.rawValue
        guard isProgressive else { return }
        let status = registry?.status("rollout").flatMap { try? $0.decode(RolloutStatus.self) }
        self.status = status
        let current = Set(status?.current ?? [])
        let members = objects[.dataPlanes].map { object in
            let revision = object.status("appliedRevision")?.int
            let takesPart = object.spec("enabled")?.bool ?? true && object.spec("mode")?.string != "Observe"
            let isUpdated = revision != nil && revision == status?.revision
            let state: State =
                !takesPart ? .left : current.contains(object.metadata.name) ? .current : isUpdated ? .updated : .waiting
            return Member(name: object.metadata.name, state: state, revision: revision)
        }
        let known = Dictionary(members.map { ($0.name, $0) }) { first, _ in first }
        let named = (registry?.spec("rollout", "groups")?.array ?? []).map { group in
            (group.array ?? []).compactMap { $0.string.flatMap { known[$0] } }
        }
        let placed = Set(named.flatMap { $0.map(\.name) })
        let rest = members.filter { !placed.contains($0.name) }
        groups = (named + [rest]).filter { !$0.isEmpty }
    }

    var json: JSON {
        var json: JSON = ["progressive": .bool(isProgressive)]
        if let status {
            json["revision"] = .int(status.revision)
            json["phase"] = .string(status.phase.rawValue)
            json["reason"] = .string(status.reason ?? "")
            json["message"] = .string(status.message ?? "")
            json["updated"] = .int(Int64(clamping: status.updated))
            json["total"] = .int(Int64(clamping: status.total))
            json["pinned"] = status.pinned.map { .int($0) }
        }
        json["groups"] = .array(
            groups.map { group in
                .array(
                    group.map { member in
                        [
                            "name": .string(member.name), "state": .string(member.state.rawValue),
                            "revision": member.revision.map { .int($0) } ?? .null,
                        ]
                    })
            })
        return json
    }
}
