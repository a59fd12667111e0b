import Fleet
import JSON
import YAML

/// The input of `squadron import`, as texts.
public struct ImportSources: Sendable {
    /// The namespace of the objects.
    public var namespace = "flyte"
    public var clusters: [ImportText] = []
    public var clusterResources: [ImportText] = []
    public var attributes: [ImportText] = []
    /// Read from flyteadmin itself.
    public var rows: [ImportedRow] = []
    public var projects: [String] = []
    public var domains: [String]?
    /// Whether the chart's ConfigMap of templates exists. Nil if that was not read.
    public var hasTemplates: Bool?
    /// The spec of the live registry. Nil if there is none.
    public var registry: JSON?
    public init() {}
}

/// Manifests that say the same as a running Flyte's configuration, and the list of what could not be taken over.
/// Applied with the registry's `mode: Observe`, they write nothing.
public struct ImportPlan: Sendable {
    public private(set) var documents: [JSON] = []
    public private(set) var gaps: [ImportGap] = []
    /// What a user should know about parts that were taken over.
    public private(set) var notes: [String] = []

    public static let templates = "clusterresource-template"

    public init(_ sources: ImportSources) throws(ImportFailure) {
        var sections = Sections()
        for text in sources.clusters { try sections.take(text, wants: .clusters) }
        for text in sources.clusterResources { try sections.take(text, wants: .resources) }
        if !sources.clusters.isEmpty, sections.clusters.isEmpty {
            throw sources.clusters[0].failure(
                ": has no clusters: section, neither rendered nor in Helm's values")
        }
        if !sources.clusterResources.isEmpty, sections.resources.isEmpty {
            throw sources.clusterResources[0].failure(": has no cluster_resources")
        }
        var rows = sources.rows
        for text in sources.attributes {
            let documents = try text.documents()
            if documents.isEmpty { throw text.failure(": is empty") }
            for document in documents { rows.append(try ImportedRow(file: document)) }
        }
        let kept = sections.kept
        let clusters = sections.clusters.isEmpty ? nil : ImportedClusters(sections.clusters, kept: kept)
        let resources = sections.resources.isEmpty ? nil : ImportedClusterResources(sections.resources)
        let domains = sources.domains ?? sections.domains
        let known = domains ?? sources.registry?["domains"]?.array?.compactMap(\.string)
        let projects = ImportedProjects(
            rows, listed: sources.projects, domains: known ?? ClusterRegistrySpec.defaultDomains, kept: kept)
        if let clusters { (gaps, notes) = (clusters.gaps, clusters.notes) }
        gaps += (resources?.gaps ?? []) + projects.gaps
        notes += projects.notes
        if let registry = registry(sources, sections, clusters, resources, domains, projects) {
            documents.append(ImportNames.object("ClusterRegistry", ClusterRegistry.theName, registry))
        }
        documents += (clusters?.dataPlanes ?? []) + (clusters?.labels ?? []) + projects.projects + projects.assignments
        for index in documents.indices {
            documents[index][path: ["metadata", "namespace"]] = .string(sources.namespace)
        }
    }

    // MARK: The registry

    /// Nil if nothing was read that the registry would hold.
    private mutating func registry(
        _ sources: ImportSources, _ sections: Sections, _ clusters: ImportedClusters?,
        _ resources: ImportedClusterResources?, _ domains: [String]?, _ projects: ImportedProjects
    ) -> JSON? {
        let hasChart = !sources.clusters.isEmpty || !sources.clusterResources.isEmpty || sources.domains != nil
        var spec = sources.registry ?? ["mode": "Observe"]
        if let clusters {
            spec["defaultExecutionLabel"] =
                clusters.defaultExecutionLabel.isEmpty ? JSON?.none : .string(clusters.defaultExecutionLabel)
            if let path = clusters.credentialsPath, spec["publish"] != nil {
                spec[path: ["publish", "credentialsPath"]] = .string(path)
            }
        }
        if let resources {
            spec["import"] = resources.json.object?.isEmpty == false ? resources.json : JSON?.none
            if sources.hasTemplates != false {
                spec["templatesConfigMap"] = .string(Self.templates)
                notes.append(
                    "templatesConfigMap names the chart's ConfigMap \(Self.templates), which goes with "
                        + "cluster_resource_manager.enabled: false; copy it before that")
            }
        }
        if let domains, Set(domains) != Set(ClusterRegistrySpec.defaultDomains) {
            spec["domains"] = .array(domains.map { .string($0) })
        }
        if let template = sections.namespaceTemplate, template != ClusterRegistrySpec.defaultNamespaceTemplate {
            spec["namespaceTemplate"] = .string(template)
        }
        let own = sources.registry?["lockedValues"]?.array?.compactMap(\.string)
        let locked = own ?? ClusterRegistrySpec.defaultLockedValues
        let free = projects.choosesIdentity ? [] : locked.filter { !projects.valueNames.contains($0) }
        let didUnlock = free.count < locked.count
        if didUnlock {
            spec["lockedValues"] = .array(free.map { .string($0) })
            let names = locked.filter { !free.contains($0) }
            notes.append(
                "lockedValues of the registry leaves out \(names.listed()): projects have set it, or a role or account, in Flyte"
            )
        }
        spec = spec.overlaid(with: sections.kept.registry)
        guard hasChart || didUnlock else { return nil }
        do throws(DecodingFailure) {
            let object = ImportNames.object("ClusterRegistry", ClusterRegistry.theName, spec)
            for problem in try ClusterRegistry(json: object).spec.problems() {
                gaps.append(ImportGap("ClusterRegistry", "\(problem)"))
            }
        } catch {
            gaps.append(ImportGap("ClusterRegistry", "\(error)"))
        }
        return spec
    }

    // MARK: Output

    public func rendered(as format: OutputFormat) -> String {
        guard format == .json else { return YAML.emit(documents: documents) }
        let list: JSON = ["apiVersion": "v1", "kind": "List", "items": .array(documents)]
        return String(decoding: list.serialized(pretty: true), as: UTF8.self)
    }

    public var check: ImportCheck { ImportCheck(self) }
}

/// The sections of what was read: as the chart renders them, or in its values.
private struct Sections {
    enum Wanted { case clusters, resources }
    private(set) var clusters: [ImportNode] = []
    private(set) var resources: [ImportNode] = []
    private(set) var domains: [String]?
    private(set) var namespaceTemplate: String?
    private(set) var kept = KeptByExport()

    mutating func take(_ text: ImportText, wants: Wanted) throws(ImportFailure) {
        for root in try text.documents() {
            if wants == .clusters {
                if let section = root["clusters"] ?? root.at("configmap", "clusters") {
                    clusters.append(section)
                } else if ImportedClusters.place.contains(where: { root[$0] != nil }) {
                    clusters.append(root)
                }
            } else if let section = root["cluster_resources"]
                ?? root.at("cluster_resource_manager", "config", "cluster_resources")
            {
                resources.append(section)
            } else if root["templateData"] != nil || root["customData"] != nil {
                resources.append(root)
            }
            let listed = root["domains"] ?? root.at("configmap", "domain", "domains")
            let ids = (listed?.elements ?? []).compactMap { $0["id"]?.text ?? $0.text }
            if !ids.isEmpty { domains = ids }
            let mapping = root["namespace_mapping"] ?? root.at("configmap", "namespace_config", "namespace_mapping")
            if let template = mapping?["template"]?.text { namespaceTemplate = template }
            if let own = root[KeptByExport.key] { kept.merge(KeptByExport(own.json)) }
        }
    }
}

/// The report of `squadron import check`.
public struct ImportCheck: Report {
    private let counts: [(kind: String, count: Int)]
    private let gaps: [ImportGap]
    private let notes: [String]

    init(_ plan: ImportPlan) {
        let kinds = plan.documents.compactMap { $0["kind"]?.string }
        counts = ControlPlaneReader.kinds.map(\.kind).map { kind in (kind, kinds.filter { $0 == kind }.count) }
        (gaps, notes) = (plan.gaps, plan.notes)
    }

    public var outcome: Outcome { gaps.isEmpty ? .done : .findings }

    public var json: JSON {
        [
            "takenOver": .object(Dictionary(counts.map { ($0.kind, .int(Int64($0.count))) }) { $1 }),
            "left": .array(gaps.map { ["place": .string($0.place), "message": .string($0.message)] }),
            "notes": .array(notes.map { .string($0) }),
        ]
    }

    public func write(to page: inout Page) {
        let made = counts.filter { $0.count > 0 }.map { "\($0.count) \($0.kind)" }
        page.line("taken over: \(made.isEmpty ? "nothing" : made.joined(separator: ", "))")
        for note in notes { page.line(Span("note: \(note)")) }
        if gaps.isEmpty { return page.line(Span("everything can be taken over", .good)) }
        page.line(Span("can't be taken over: \(gaps.count)", .warning))
        for gap in gaps { page.paragraph("\(gap.place): \(gap.message)", indent: 2) }
    }
}
