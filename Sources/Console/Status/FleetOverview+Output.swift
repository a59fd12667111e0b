import Fleet
import JSON
import KubeObjects

extension FleetOverview {
    public var json: JSON {
        var json: JSON = [
            "dataPlanes": .array(dataPlanes.map(\.json)), "namespaces": Self.json(namespaces),
            "mode": .string(mode.rawValue), "summary": .string(summary),
        ]
        json["registry"] = registry.map { state in
            var json = state.json
            json["mode"] = .string(mode.rawValue)
            json["troubles"] = .array(
                registryTroubles.map {
                    ["type": .string($0.type), "reason": .string($0.reason), "message": .string($0.message)]
                })
            return json
        }
        json["operator"] = leader.map { leader in
            var json: JSON = ["holder": .string(leader.holder), "away": .bool(leader.isAway)]
            json["renewed"] = leader.renewed.map { .string($0.description) }
            return json
        }
        for group in groups {
            let rows: [JSON] = group.notReady.map { state in
                var json = state.json
                json["subject"] = group.subjects[state.name].map { .string($0) }
                return json
            }
            json[group.key] = [
                "total": .int(Int64(group.total)), "ready": .int(Int64(group.ready)), "notReady": .array(rows),
            ]
        }
        return json
    }

    fileprivate static func json(_ counts: NamespaceCounts) -> JSON {
        [
            "desired": .int(Int64(counts.desired)), "synced": .int(Int64(counts.synced)),
            "failed": .int(Int64(counts.failed)),
        ]
    }

    /// How many rows of a kind are shown as text.
    static let rowLimit = 30

    var summary: String {
        func score(_ ready: Int, _ total: Int, _ what: String) -> String { "\(ready) of \(total) \(what)" }
        let ready = dataPlanes.count { $0.state.isReady }
        var parts = [score(ready, dataPlanes.count, "data planes Ready")]
        let asked = dataPlanes.compactMap(\.flyteReady)
        if !asked.isEmpty { parts.append("\(asked.count { $0.status == .isTrue }) of \(asked.count) FlyteReady") }
        parts += groups.filter { $0.total > 0 }.map { score($0.ready, $0.total, $0.title) }
        parts.append(score(namespaces.synced, namespaces.desired, "namespaces in sync"))
        if let next = nextExpiry {
            parts.append(
                "next to end: \(next.expiry.what.rawValue) of \(next.name) \(Age.until(next.expiry.time, now: now))")
        }
        return parts.joined(separator: ", ")
    }

    public func write(to page: inout Page) {
        writeRegistry(to: &page)
        page.blank()
        writeDataPlanes(to: &page)
        for group in groups where !group.notReady.isEmpty {
            page.blank()
            page.line(Span("\(group.title) that are not Ready: \(group.notReady.count) of \(group.total)", .bold))
            let rows: [[Span]] = group.notReady.prefix(Self.rowLimit).map { state in
                [Span(state.name), Span(group.subjects[state.name] ?? ""), state.span, age(state), Span(state.message)]
            }
            page.table(["NAME", group.column, "READY", "SINCE", "MESSAGE"], rows)
            writeRest(group.notReady.count, to: &page)
        }
        page.blank()
        page.line(Span(summary, .bold))
    }

    private func writeRegistry(to page: inout Page) {
        if let registry {
            let since = Age.since(registry.since, now: now)
            page.line(
                Span("registry ", .bold), Span(registry.name, .bold), ": ", registry.span,
                Span(since.isEmpty ? "" : " for \(since)"), Span(registry.isReady ? "" : ": \(registry.message)"))
            for trouble in registryTroubles where trouble.reason != registry.reason {
                page.line("  \(trouble.type): ", Span(trouble.reason, .bad), ": \(trouble.message)")
            }
        } else {
            page.line(Span("registry", .bold), ": there is none named flyte, so the defaults hold")
        }
        if mode == .observe {
            let why = registry == nil ? "; it was in force before, and stays until there is a registry again" : ""
            page.line(Span("mode Observe: nothing is written but statuses\(why)", .warning))
        }
        if let leader, leader.isAway {
            let renewed = leader.renewed.map { "; the lease was renewed \(Age.until($0, now: now))" } ?? ""
            let text = "no operator is at work\(renewed): what follows is as it was then"
            page.line(Span(text, .warning))
        }
    }

    private func writeDataPlanes(to page: inout Page) {
        guard !dataPlanes.isEmpty else {
            page.line("no data planes")
            return
        }
        let rows: [[Span]] = dataPlanes.prefix(Self.rowLimit).map { row in
            let expiry = row.expiry.map { expiry in
                let text = "\(expiry.what.rawValue) \(Age.until(expiry.time, now: now))"
                return Span(text + (expiry.isRenewed ? ", renewed" : ""), expiry.isNear ? .warning : .plain)
            }
            return [
                Span(row.state.name), Span(row.cluster), row.span, age(row.state), Span(row.namespaces?.summary ?? ""),
                expiry ?? "",
                Span(row.message),
            ]
        }
        page.table(["DATA PLANE", "CLUSTER", "READY", "SINCE", "SYNCED", "ENDS NEXT", "MESSAGE"], rows)
        writeRest(dataPlanes.count, to: &page)
    }

    private func writeRest(_ count: Int, to page: inout Page) {
        let rest = count - Self.rowLimit
        if rest > 0 { page.line("… and \(rest) more (-o json has all)") }
    }

    private func age(_ state: State) -> Span { Span(Age.since(state.since, now: now)) }
}

extension FleetOverview.Group {
    fileprivate var column: String {
        switch title {
        case "labels": "LABEL"
        case "assignments": "FOR"
        default: "PROJECT"
        }
    }
}

extension FleetOverview.State {
    /// "True", or the reason why not.
    fileprivate var span: Span {
        if isStale { return Span("\(reason) (of an older generation)", .warning) }
        switch ready {
        case .isTrue: return Span("Ready", .good)
        case .isFalse: return Span(reason, .bad)
        case .unknown: return Span("Unknown (\(reason))", .warning)
        }
    }

    fileprivate var json: JSON {
        var json: JSON = [
            "name": .string(name), "ready": .string(ready.rawValue), "reason": .string(reason),
            "message": .string(message), "stale": .bool(isStale),
        ]
        json["since"] = since.map { .string($0.description) }
        return json
    }
}

extension FleetOverview.DataPlaneRow {
    fileprivate var span: Span { isEnabled ? state.span : Span("Disabled", .dim) }

    /// What somebody has set on purpose.
    fileprivate var remark: String? {
        let remarks = [isUnschedulable ? "cordoned" : nil, mode == "Observe" ? "observed only" : nil].compactMap { $0 }
        return remarks.isEmpty ? nil : remarks.joined(separator: ", ")
    }

    /// Why it is not as it should be, and what somebody has set on purpose.
    fileprivate var message: String {
        var parts = [remark ?? "", state.isReady || standing == .withoutFlyte ? "" : state.message]
        // Where Ready says why not, an unknown FlyteReady adds nothing.
        if let flyteReady, flyteReady.status == .isFalse || (flyteReady.status == .unknown && state.isReady) {
            let reason = flyteReady.status == .isFalse ? flyteReady.reason : "Unknown (\(flyteReady.reason))"
            parts.append("FlyteReady: \(reason): \(flyteReady.message)")
        }
        return parts.filter { !$0.isEmpty }.joined(separator: "; ")
    }

    fileprivate var json: JSON {
        var json = state.json
        json["flyteReady"] = flyteReady.map {
            ["status": .string($0.status.rawValue), "reason": .string($0.reason), "message": .string($0.message)]
        }
        json["cluster"] = .string(cluster)
        json["enabled"] = .bool(isEnabled)
        json["unschedulable"] = .bool(isUnschedulable)
        json["mode"] = mode.map { .string($0) }
        json["kubernetesVersion"] = version.map { .string($0) }
        json["namespaces"] = namespaces.map(FleetOverview.json)
        json["endsNext"] = expiry.map {
            ["what": .string($0.what.rawValue), "time": .string($0.time.description), "renewed": .bool($0.isRenewed)]
        }
        return json
    }
}
