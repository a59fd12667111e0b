import Fleet
import JSON
import KubeObjects

extension NamespaceStory {
    public var json: JSON {
        var json: JSON = [
            "subject": .string(subject.description), "wanted": .bool(isWanted),
            "projectDomains": .array(members.map(\.json)), "dataPlanes": .array(places.map(\.json)),
            "values": .array(values.map(\.json)), "notes": .array(notes.map { .string($0) }),
        ]
        json["namespace"] = namespace.map { .string($0) }
        return json
    }

    public func write(to page: inout Page) {
        guard isWanted else {
            page.line(
                isIncomplete
                    ? Span("\(subject): it is not known whether something wants it", .warning)
                    : Span("\(subject): nothing wants it", .bold))
            writeNotes(to: &page)
            return
        }
        for member in members { write(member, to: &page) }
        if !places.isEmpty {
            page.blank()
            page.table(["DATA PLANE", "CLUSTER", "STATE", "SINCE", "MESSAGE"], places.flatMap(rows))
        }
        if !values.isEmpty {
            page.blank()
            page.table(["VALUE", "IS", "FROM", "WHERE"], values.map(\.cells))
        }
        writeNotes(to: &page)
    }

    private func write(_ member: Member, to page: inout Page) {
        if let trouble = member.answer.trouble {
            page.line(Span("\(member.key)", .bold), ": ", Span(trouble.reason, .bad), ": \(trouble.message)")
        } else {
            page.line(Span("\(member.key)", .bold), ": namespace ", Span(member.answer.name ?? "", .bold))
        }
        if let owner = member.sharesWith {
            page.line("  shares the namespace with \(owner), which is older: that one's objects are applied")
        }
        page.line("  wanted by")
        let rows: [[Span]] = member.wants.map { want in
            let name = want.kind == "flyteadmin" ? "flyteadmin" : "\(want.kind) \(want.name)"
            guard let state = want.state else { return [Span(name), Span(want.detail)] }
            let shown = state.isReady ? Span("Ready", .good) : Span("\(state.reason): \(state.message)", .bad)
            return [Span(name), Span(want.detail), shown]
        }
        page.table([], rows, indent: 4)
    }

    private func rows(_ place: Place) -> [[Span]] {
        func row(_ state: Span, _ since: Timestamp? = nil, _ message: String = "") -> [Span] {
            [Span(place.dataPlane), Span(place.cluster), state, Span(Age.since(since, now: now)), Span(message)]
        }
        switch place.presence {
        case .inSync: return [row(Span("InSync", .good))]
        case .failing(let failures):
            return failures.map { failure in
                let object = failure.object.isEmpty ? "" : failure.object + ": "
                let attempts = failure.attempts > 1 ? " (tried \(failure.attempts) times)" : ""
                return row(Span(failure.reason, .bad), failure.since, object + failure.message + attempts)
            }
        case .unknown(let reason, let message): return [row(Span("Unknown (\(reason))", .warning), nil, message)]
        case .leftAlone(let why): return [row(Span("Disabled", .dim), nil, why)]
        case .notReached:
            return [row(Span("NotWanted", .dim), nil, "syncScope Labelled, and no label reaches the cluster")]
        }
    }

    private func writeNotes(to page: inout Page) {
        guard !notes.isEmpty else { return }
        page.blank()
        for note in notes { page.line(Span("note: ", .dim), Span(note)) }
    }
}

extension NamespaceStory.Member {
    fileprivate var json: JSON {
        var json: JSON = [
            "project": .string(key.project), "domain": .string(key.domain), "wantedBy": .array(wants.map(\.json)),
        ]
        json["namespace"] = answer.name.map { .string($0) }
        json["trouble"] = answer.trouble.map { ["reason": .string($0.reason), "message": .string($0.message)] }
        json["sharesWith"] = sharesWith.map { .string($0.description) }
        return json
    }
}

extension NamespaceStory.Want {
    fileprivate var json: JSON {
        var json: JSON = ["kind": .string(kind), "name": .string(name)]
        if !detail.isEmpty { json["detail"] = .string(detail) }
        json["ready"] = state.map { .string($0.ready.rawValue) }
        json["reason"] = state.map { .string($0.reason) }
        json["message"] = state.map { .string($0.message) }
        return json
    }
}

extension NamespaceStory.Place {
    fileprivate var json: JSON {
        var json: JSON = ["name": .string(dataPlane), "cluster": .string(cluster)]
        switch presence {
        case .inSync: json["state"] = "InSync"
        case .failing(let failures):
            json["state"] = "NotInSync"
            json["failures"] = .array(failures.map(\.json))
        case .unknown(let reason, let message):
            json["state"] = "Unknown"
            json["reason"] = .string(reason)
            json["message"] = .string(message)
        case .leftAlone(let why):
            json["state"] = "Disabled"
            json["message"] = .string(why)
        case .notReached: json["state"] = "NotWanted"
        }
        return json
    }
}

extension Presence.Failure {
    fileprivate var json: JSON {
        var json: JSON = [
            "object": .string(object), "reason": .string(reason), "message": .string(message),
            "attempts": .int(attempts),
        ]
        json["since"] = since.map { .string($0.description) }
        return json
    }
}

extension NamespaceStory.ValueRow {
    fileprivate var cells: [Span] {
        let shown: Span
        switch value.content {
        case .text(let text): shown = Span(text)
        case .secret(let reference): shown = Span("(Secret \(reference.name), key \(reference.key))", .dim)
        case .unreadable(let why): shown = Span("(not read: \(why))", .warning)
        case .missing(let why): shown = Span("no value: \(why)", .bad)
        }
        return [Span(value.name), shown, Span(value.layer), Span(dataPlanes?.joined(separator: ", ") ?? "")]
    }

    fileprivate var json: JSON {
        var json: JSON = ["name": .string(value.name), "layer": .string(value.layer)]
        switch value.content {
        case .text(let text): json["value"] = .string(text)
        case .secret(let reference):
            json["secretKeyRef"] = ["name": .string(reference.name), "key": .string(reference.key)]
        case .unreadable(let why): json["notRead"] = .string(why)
        case .missing(let why): json["missing"] = .string(why)
        }
        json["dataPlanes"] = dataPlanes.map { .array($0.map { .string($0) }) }
        return json
    }
}
