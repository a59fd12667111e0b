import Fleet
import JSON
import KubeObjects

/// The report of `squadron rollout status`: how far the last change of templates, values or workload identity has come.
public struct RolloutReport: Report {
    struct Member: Sendable, Hashable {
        var name: String
        var revision: Int64?
        var isCurrent: Bool
        var reason: String
    }
    private let status: RolloutStatus?
    private let isProgressive: Bool
    private let problem: String?
    private let members: [Member]

    public var outcome: Outcome { .done }

    public init(_ objects: ControlPlaneObjects) {
        let registry = objects.registry
        status = registry?.status("rollout").flatMap { try? $0.decode(RolloutStatus.self) }
        isProgressive = registry?.spec("rollout", "type")?.string == RolloutPolicy.Kind.progressive.rawValue
        let ready = registry?.conditions.first { $0.type == ConditionType.ready.rawValue }
        problem = ready?.reason == Reason.rolloutInvalid ? ready?.message : nil
        let current = Set(status?.current ?? [])
        members = objects[.dataPlanes].map { object in
            let ready = object.conditions.first { $0.type == ConditionType.ready.rawValue }
            return Member(
                name: object.metadata.name, revision: object.status("appliedRevision")?.int,
                isCurrent: current.contains(object.metadata.name), reason: ready?.reason ?? "")
        }
    }

    public var json: JSON {
        var json: JSON = [
            "type": .string((isProgressive ? RolloutPolicy.Kind.progressive : .all).rawValue),
            "dataPlanes": .array(
                members.map { member in
                    var json: JSON = ["name": .string(member.name), "current": .bool(member.isCurrent)]
                    if let revision = member.revision { json["appliedRevision"] = .int(revision) }
                    if !member.reason.isEmpty { json["reason"] = .string(member.reason) }
                    return json
                }),
        ]
        if let status { json["rollout"] = try? JSON(encoding: status) }
        if let problem { json["problem"] = .string(problem) }
        return json
    }

    public func write(to page: inout Page) {
        guard isProgressive else { return page.line("changes go to all data planes at once (spec.rollout.type: All)") }
        if let problem { page.line(Span(problem, .bad)) }
        guard let status else { return page.line("the operator has not said yet how far it is") }
        let tone: Span.Tone = status.phase == .complete ? .good : status.phase == .paused ? .bad : .plain
        let reason = status.reason.map { " (\($0))" } ?? ""
        page.line(
            Span("revision \(status.revision): "), Span(status.phase.rawValue + reason, tone),
            Span(", \(status.updated) of \(status.total) data planes updated"))
        if let pinned = status.pinned {
            page.line("all data planes are back at revision \(pinned) until the next change")
        }
        if let message = status.message { page.paragraph(message, indent: 2) }
        page.blank()
        page.table(
            ["DATAPLANE", "REVISION", "READY"],
            members.map { member in
                let revision = member.revision.map { String($0) } ?? "-"
                let turn = member.isCurrent ? " (its turn)" : ""
                return [
                    Span(member.name), Span(revision + turn, member.isCurrent ? .bold : .plain), Span(member.reason),
                ]
            })
    }
}
