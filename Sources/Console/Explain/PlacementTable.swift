import Fleet
import JSON
import Support

/// The probability of each cluster, for all project-domains and for the workflows with a label of their own.
public struct PlacementTable: Report {
    struct Row: Sendable, Hashable {
        var key: AdminRowKey
        var placement: Placement
    }
    let rows: [Row]
    /// The clusters that any execution can be sent to.
    let clusters: [String]
    let notes: [String]

    public init(_ objects: FleetObjects, now: Instant) {
        let (fleet, fleetNotes) = objects.fleet(now: now)
        let domains = objects.projectDomains
        var keys = domains.map { AdminRowKey(project: $0.project, domain: $0.domain) }
        keys += fleet.assignments.keys.filter { !$0.workflow.isEmpty }
        // A label has the same placement wherever it is set.
        var placements: [String: Placement] = [:]
        var trouble: Set<String> = []
        var rows: [Row] = []
        for key in Set(keys).sorted() {
            let request = Placement.Request(
                project: key.project, domain: key.domain, workflow: key.workflow.isEmpty ? nil : key.workflow)
            let attribute = fleet.attribute(of: request)
            let name = attribute.map { "\($0.rule.rawValue) \($0.label)" } ?? ""
            let placement = placements[name] ?? fleet.placement(by: attribute)
            placements[name] = placement
            trouble.formUnion(placement.notes)
            rows.append(Row(key: key, placement: placement))
        }
        self.rows = rows
        clusters = Set(rows.flatMap { $0.placement.candidates.map(\.cluster) }).sorted()
        let grounds = PlacementGrounds(objects, fleet, now: now)
        var notes = trouble.sorted() + fleetNotes + grounds.unreadClusters
        let unread = objects.assignmentsInForce.sorted { $0.key < $1.key }.compactMap { grounds.unread($1, $0) }
        notes += unread.prefix(Self.mostNotes)
        if unread.count > Self.mostNotes {
            notes.append("\(unread.count - Self.mostNotes) more that flyteadmin may not have read yet")
        }
        notes += grounds.rowsWithoutObject { _ in true }
        if objects.isLive, objects.registry?.spec.flyteAdmin?.projectDiscovery == true,
            objects.configMaps[DiscoveredProjects.configMapName] == nil
        {
            notes.append(
                "flyteadmin's own projects are missing here: ConfigMap \(DiscoveredProjects.configMapName) is not "
                    + "there, or you may not read it")
        }
        self.notes = notes + grounds.problems
    }
    private static let mostNotes = 8

    public var outcome: Outcome { rows.isEmpty ? .findings : .done }

    public var json: JSON {
        [
            "clusters": .array(clusters.map { .string($0) }),
            "projectDomains": .array(
                rows.map { row in
                    var json = row.placement.json
                    json["project"] = .string(row.key.project)
                    json["domain"] = .string(row.key.domain)
                    if !row.key.workflow.isEmpty { json["workflow"] = .string(row.key.workflow) }
                    return json
                }), "notes": .array(notes.map { .string($0) }),
        ]
    }

    /// A screen has no room for more columns: then all clusters are in one column.
    private static let mostColumns = 8

    public func write(to page: inout Page) {
        guard !rows.isEmpty else {
            page.line("no project-domain is known")
            writeNotes(to: &page)
            return
        }
        let isWide = clusters.count > Self.mostColumns
        let hasWorkflows = rows.contains { !$0.key.workflow.isEmpty }
        var header = ["PROJECT", "DOMAIN"]
        if hasWorkflows { header.append("WORKFLOW") }
        header += ["RULE", "LABEL"] + (isWide ? ["CLUSTERS"] : clusters)
        page.table(
            header,
            rows.map { row in
                var cells = [Span(row.key.project), Span(row.key.domain)]
                if hasWorkflows { cells.append(Span(row.key.workflow)) }
                let label = row.placement.label
                cells += [Span(row.placement.rule.rawValue), label.isEmpty ? Span("-", .dim) : Span(label)]
                return cells + (isWide ? [Span(row.placement.chances)] : shares(row.placement))
            })
        writeNotes(to: &page)
    }

    private func shares(_ placement: Placement) -> [Span] {
        if placement.candidates.isEmpty { return [Span("none can be drawn", .bad)] }
        return clusters.map { cluster in
            let candidate = placement.candidates.first { $0.cluster == cluster }
            return candidate.map { Span(Share.text($0.probability)) } ?? Span("-", .dim)
        }
    }

    private func writeNotes(to page: inout Page) {
        guard !notes.isEmpty else { return }
        page.blank()
        for note in notes { page.line(Span("note: ", .dim), Span(note, limit: 1024)) }
    }
}

extension Placement {
    /// "dataplane_1 70.0 %, dataplane_2 30.0 %", the most probable first.
    fileprivate var chances: String {
        if candidates.isEmpty { return "none can be drawn" }
        let all = candidates.sorted { ($1.probability, $0.cluster) < ($0.probability, $1.cluster) }
        return all.map { "\($0.cluster) \(Share.text($0.probability))" }.listed(limit: 4)
    }
}
