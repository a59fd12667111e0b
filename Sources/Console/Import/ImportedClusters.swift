import Fleet
import JSON

/// Flyte's `clusters:` as DataPlanes and ExecutionLabels. Several sections are merged as flyteadmin does it: a later
/// list of clusters replaces an earlier one, labels are merged, the last default counts.
struct ImportedClusters: Sendable {
    private(set) var dataPlanes: [JSON] = []
    private(set) var labels: [JSON] = []
    private(set) var defaultExecutionLabel = ""
    /// Where flyteadmin mounts the credentials, if not at the default place.
    private(set) var credentialsPath: String?
    private(set) var gaps: [ImportGap] = []
    private(set) var notes: [String] = []

    private var names = ImportNames()
    private let kept: KeptByExport

    static let place = ["clusterConfigs", "labelClusterMap", "defaultExecutionLabel"]

    init(_ sections: [ImportNode], kept: KeptByExport = KeptByExport()) {
        self.kept = kept
        var configs: ImportNode?
        var map: [(key: String, value: ImportNode)] = []
        for section in sections {
            if let list = section["clusterConfigs"] { configs = list }
            for (label, entries) in section["labelClusterMap"]?.members ?? [] {
                map.removeAll { $0.key == label }
                map.append((label, entries))
            }
            if let label = section["defaultExecutionLabel"]?.text { defaultExecutionLabel = label }
        }
        for config in configs?.elements ?? [] { addCluster(config) }
        if dataPlanes.isEmpty, gaps.isEmpty, let section = sections.last {
            gaps.append(
                section.gap(
                    "no clusterConfigs: flyteadmin runs everything in its own cluster. A DataPlane with inCluster: true "
                        + "stands for that"))
        }
        let known = Set(dataPlanes.compactMap { $0[path: ["spec", "clusterName"]]?.string })
        for (label, entries) in map.sorted(by: { $0.key < $1.key }) { addLabel(label, entries, known) }
        if !defaultExecutionLabel.isEmpty, let problem = NameRules.problem(ofLabel: defaultExecutionLabel) {
            gaps.append(ImportGap(sections.last?.place ?? "", "defaultExecutionLabel: \(problem)"))
            defaultExecutionLabel = ""
        }
    }

    // MARK: Clusters

    private mutating func addCluster(_ node: ImportNode) {
        guard let name = node["name"]?.text, !name.isEmpty else { return gaps.append(node.gap("has no name")) }
        let shown = "cluster \(name.shortForMessage)"
        if let problem = NameRules.problem(ofClusterName: name) {
            return gaps.append(node.gap("\(shown): its name \(problem)"))
        }
        guard names.isNew("cluster", name) else {
            return gaps.append(node.gap("\(shown) appears twice: flyteadmin does not start with that"))
        }
        var spec: JSON = ["clusterName": .string(name)]
        if node["enabled"]?.json.bool != true { spec["enabled"] = false }
        if node["inCluster"]?.json.bool == true {
            spec["inCluster"] = true
        } else if !addAccess(node, name, shown, to: &spec) {
            return
        }
        addLimits(node["kubeClientConfig"], to: &spec)
        let kept = kept.dataPlanes[name]
        spec = spec.overlaid(with: kept?["spec"])
        let metadataName = kept?["name"]?.string ?? names.objectName(name, of: "DataPlane")
        let object = ImportNames.object("DataPlane", metadataName, spec)
        do throws(DecodingFailure) {
            if let problem = try DataPlane(json: object).spec.problems().first {
                return gaps.append(node.gap("\(shown): \(problem)"))
            }
        } catch {
            return gaps.append(node.gap("\(shown): \(error)"))
        }
        dataPlanes.append(object)
    }

    /// False if the entry can't be taken over.
    private mutating func addAccess(
        _ node: ImportNode, _ name: String, _ shown: String, to spec: inout JSON
    ) -> Bool {
        let endpoint = node["endpoint"]?.text ?? ""
        if HelmExpressions.isIn(endpoint) {
            gaps.append((node["endpoint"] ?? node).gap("\(shown): \(HelmExpressions.whereRendered)"))
            return false
        }
        if let problem = URLRules.problem(of: endpoint, schemes: ["https"]) {
            gaps.append((node["endpoint"] ?? node).gap("\(shown): its endpoint \(problem)"))
            return false
        }
        spec["endpoint"] = .string(endpoint)
        let auth = node["auth"]
        guard let token = auth?["tokenPath"]?.text, let ca = auth?["certPath"]?.text, !token.isEmpty, !ca.isEmpty else {
            gaps.append((auth ?? node).gap("\(shown): auth has no tokenPath or no certPath"))
            return false
        }
        let (tokenFile, caFile) = (Self.file(token), Self.file(ca))
        guard tokenFile.folder == caFile.folder else {
            gaps.append((auth ?? node).gap("\(shown): token and certificate are in different folders"))
            return false
        }
        if tokenFile.folder != Publish.defaultCredentialsPath {
            if credentialsPath == nil { notes.append("publish.credentialsPath has to be \(tokenFile.folder)") }
            credentialsPath = tokenFile.folder
        }
        if token == ca {
            notes.append(
                "\(shown): its entry names a certificate as token, since its credentials were away when it was published"
            )
            return true
        }
        let keys = CredentialsKeys(token: tokenFile.name, caCert: caFile.name)
        guard keys.cluster != name else { return true }
        spec["credentials"] = ["tokenKey": .string(keys.token), "caCertKey": .string(keys.caCert)]
        if keys.cluster == nil, kept.dataPlanes[name] == nil {
            gaps.append(
                (auth ?? node).gap(
                    "\(shown): token and CA go together in Squadron: name the keys x_token and x_cacert in "
                        + "cluster-credentials (here they are \(keys.token.shortForMessage) and \(keys.caCert.shortForMessage)); "
                        + "until then the DataPlane says KeysMismatch"))
        }
        return true
    }

    private static func file(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return ("", path) }
        return (String(path[..<slash]), String(path[path.index(after: slash)...]))
    }

    private mutating func addLimits(_ node: ImportNode?, to spec: inout JSON) {
        guard let node, !node.members.isEmpty else { return }
        var limits: JSON = [:]
        for name in ["qps", "burst"] {
            if let number = node[name]?.json.int { limits[name] = .int(number) }
        }
        if let timeout = node["timeout"] {
            let seconds = timeout.json.int ?? timeout.text.flatMap { $0.hasSuffix("s") ? Int64($0.dropLast()) : nil }
            if let seconds {
                limits["timeoutSeconds"] = .int(seconds)
            } else {
                gaps.append(timeout.gap("kubeClientConfig.timeout is not a number of seconds"))
            }
        }
        spec[path: ["flyteAdmin", "kubeClientConfig"]] = limits
    }

    // MARK: Labels

    private mutating func addLabel(_ written: String, _ node: ImportNode, _ known: Set<String>) {
        let label = LabelKeys.asRead(written)
        let shown = "label \(written.shortForMessage)"
        if let problem = NameRules.problem(ofLabel: label) { return gaps.append(node.gap("\(shown): \(problem)")) }
        if label != written {
            notes.append("\(shown): flyteadmin reads it as \(label.shortForMessage), and so it is taken over")
        }
        var weights: [(id: String, weight: Double)] = []
        for entry in node.elements {
            guard let id = entry["id"]?.text else { gaps.append(entry.gap("\(shown): an entry has no id")); continue }
            let weight = entry["weight"]?.json.double ?? 0
            guard (0...1).contains(weight) else {
                return gaps.append(
                    entry.gap("\(shown): a weight is not from 0 to 1, and flyteadmin does not start with that"))
            }
            guard known.contains(id) else {
                notes.append(
                    "\(shown): \(id.shortForMessage) is left out: it is not a cluster here, and flyteadmin leaves it out too"
                )
                continue
            }
            if let index = weights.firstIndex(where: { $0.id == id }) {
                notes.append("\(shown): \(id) appears twice; its weights are added up, as flyteadmin draws")
                weights[index].weight += weight
            } else {
                weights.append((id, weight))
            }
        }
        guard !weights.isEmpty else {
            return gaps.append(
                node.gap(
                    "\(shown) has no known cluster: flyteadmin sends its executions to the default label or anywhere"))
        }
        let clusters = Self.scaled(weights)
        if clusters.didChange { notes.append("\(shown): its weights are scaled, so that they sum to 1") }
        guard names.isNew("label", label) else { return gaps.append(node.gap("\(shown) appears twice")) }
        let name = kept.labels[label] ?? names.objectName(label, of: "ExecutionLabel")
        var spec: JSON = [
            "clusters": .array(
                clusters.entries.map { entry in
                    let weight: JSON = Int64(exactly: entry.weight).map { .int($0) } ?? .double(entry.weight)
                    return ["name": .string(entry.id), "weight": weight]
                })
        ]
        if label != name { spec["label"] = .string(label) }
        labels.append(ImportNames.object("ExecutionLabel", name, spec))
    }

    /// Flyte takes any sum of weights. With a sum of 0, all entries have the same share.
    private static func scaled(
        _ weights: [(id: String, weight: Double)]
    ) -> (entries: [(id: String, weight: Double)], didChange: Bool) {
        let sum = weights.reduce(0) { $0 + $1.weight }
        if abs(sum - 1) <= LabelWeights.tolerance { return (weights, false) }
        let part = 1 / Double(weights.count)
        return (weights.map { ($0.id, sum == 0 ? part : $0.weight / sum) }, true)
    }
}
