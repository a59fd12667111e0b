import Fleet
import JSON
import KubeObjects

/// Namespaces in data planes that belong to this registry and that nothing wants there any longer.
public struct OrphanReport: Report {
    struct Orphan: Sendable, Hashable {
        var dataPlane: String
        var namespace: String
        var projectDomain: ProjectDomain
        var why: String
        var created: Timestamp?
        var isTerminating: Bool
    }
    private(set) var orphans: [Orphan] = []
    /// Why a data plane could not be read, by data plane.
    private(set) var unreachable: [(name: String, message: String)] = []
    private(set) var skipped: [(name: String, message: String)] = []
    private(set) var looked = 0
    private(set) var notes: [String]
    private let isIncomplete: Bool

    /// While it is not known what is wanted, no namespace can be called an orphan.
    init(incomplete notes: [String]) {
        self.notes = notes
        isIncomplete = true
    }

    init(_ facts: StoryFacts, _ identity: RegistryIdentity, _ found: [NamespacesFound]) {
        notes = facts.notes
        isIncomplete = false
        var sharers: [String: [ProjectDomain]] = [:]
        for (key, entry) in facts.domains.entries {
            if let name = entry.answer.name { sharers[name, default: []].append(key) }
        }
        for one in found {
            switch one.reading {
            case .unreachable(let why): unreachable.append((one.dataPlane, why))
            case .skipped(let why): skipped.append((one.dataPlane, why))
            case .namespaces(let namespaces):
                looked += 1
                for metadata in namespaces.sorted(by: { $0.name < $1.name }) {
                    // Without the annotation it is not known whose namespace it is.
                    guard metadata.annotations?[Ownership.controlPlaneAnnotation] != nil,
                        identity.foreignOwner(of: metadata) == nil,
                        let key = Ownership.projectDomain(of: metadata),
                        let why = Self.reason(metadata.name, key, sharers, facts, cluster: one.cluster)
                    else { continue }
                    orphans.append(
                        Orphan(
                            dataPlane: one.dataPlane, namespace: metadata.name, projectDomain: key, why: why,
                            created: metadata.creationTimestamp, isTerminating: metadata.deletionTimestamp != nil))
                }
            }
        }
    }

    /// Nil if the namespace is wanted.
    private static func reason(
        _ namespace: String, _ key: ProjectDomain, _ sharers: [String: [ProjectDomain]], _ facts: StoryFacts,
        cluster: String
    ) -> String? {
        guard let wanting = sharers[namespace] else {
            let isArchived = facts.discovered?.archived.contains(key.project) == true
            return isArchived ? "flyteadmin has archived the project" : "nothing wants it"
        }
        guard let reach = facts.reach else { return nil }
        let isReached = wanting.contains { reach.clusters(of: $0).contains(cluster) }
        return isReached ? nil : "no label reaches this cluster (syncScope Labelled)"
    }

    public var outcome: Outcome {
        let findings: Outcome = orphans.isEmpty ? .done : .findings
        return isIncomplete || !unreachable.isEmpty ? findings.and(.failed) : findings
    }

    public var json: JSON {
        func list(_ entries: [(name: String, message: String)]) -> JSON {
            .array(entries.map { ["name": .string($0.name), "message": .string($0.message)] })
        }
        return [
            "orphans": .array(orphans.map(\.json)), "unreachable": list(unreachable), "skipped": list(skipped),
            "notes": .array(notes.map { .string($0) }),
        ]
    }

    public func write(to page: inout Page) {
        if !orphans.isEmpty {
            let rows: [[Span]] = orphans.map { orphan in
                [
                    Span(orphan.dataPlane), Span(orphan.namespace), Span("\(orphan.projectDomain)"),
                    Span(orphan.created?.description ?? ""),
                    Span(orphan.why + (orphan.isTerminating ? "; it is being deleted" : "")),
                ]
            }
            page.table(["DATA PLANE", "NAMESPACE", "PROJECT/DOMAIN", "CREATED", "WHY"], rows)
            page.blank()
        }
        for (name, message) in unreachable { page.line(Span("\(name): could not be read: ", .bad), Span(message)) }
        for (name, message) in skipped { page.line(Span("\(name): skipped: ", .dim), Span(message)) }
        for note in notes { page.line(Span("note: ", .dim), Span(note)) }
        if isIncomplete {
            page.line(Span("it is not known what is wanted, so no namespace can be called an orphan", .bad))
        } else {
            page.line(
                Span(
                    "\(orphans.count) namespaces that nothing wants, in \(looked) data planes; nothing was deleted",
                    .bold))
        }
    }
}

extension OrphanReport.Orphan {
    fileprivate var json: JSON {
        var json: JSON = [
            "dataPlane": .string(dataPlane), "namespace": .string(namespace),
            "project": .string(projectDomain.project), "domain": .string(projectDomain.domain), "why": .string(why),
            "terminating": .bool(isTerminating),
        ]
        json["created"] = created.map { .string($0.description) }
        return json
    }
}
