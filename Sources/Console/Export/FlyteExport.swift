import Fleet
import JSON
import KubeObjects
import Support
import YAML

/// The way back: files for Flyte's chart and for flytectl that say the same as the custom resources, and the list of
/// what to remove. The notes name what Flyte has no place for.
public struct FlyteExport: Sendable {
    public struct File: Sendable, Hashable {
        /// Relative to the folder, with at most one `/`.
        public var name: String
        public var text: String
    }
    public private(set) var files: [File] = []
    public private(set) var notes: [String]
    /// Whether something could not be read, so that the files lack it.
    public private(set) var isIncomplete: Bool

    private let namespace: String
    private let registry: ClusterRegistrySpec

    public init(_ objects: ControlPlaneObjects, now: Instant) {
        let registries = objects.decoded(ClusterRegistry.self)
        let (planes, planeProblems) = objects.decoded(DataPlane.self)
        let (labels, labelProblems) = objects.decoded(ExecutionLabel.self)
        let (assignments, assignmentProblems) = objects.decoded(ExecutionClusterLabel.self)
        let (projects, projectProblems) = objects.decoded(FlyteProject.self)
        notes = registries.problems + planeProblems + labelProblems + assignmentProblems + projectProblems
        isIncomplete = !notes.isEmpty
        namespace = objects.namespace
        let spec = registries.objects.first { $0.metadata.name == ClusterRegistry.theName }?.spec
        registry = spec ?? ClusterRegistrySpec()
        addClusters(planes, labels, objects, assignments, now)
        addClusterResources(objects)
        addLabels(assignments)
        addProjects(Array(ProjectDomains.inForce(projects).values))
        noteOthers(planes)
        addSteps()
    }

    // MARK: Helm's values

    /// Clusters that the map lacks only for a while are included, since nobody would put them back.
    private mutating func addClusters(
        _ planes: [DataPlane], _ labels: [ExecutionLabel], _ objects: ControlPlaneObjects,
        _ assignments: [ExecutionClusterLabel], _ now: Instant
    ) {
        var settings = registry
        settings.publish?.healthAware.enabled = false
        let published = published(objects)
        // What is kept although no object names it any longer stays. The operator has removed the rest.
        let plan = ClustersPlan(
            registry: settings, planes: planes.map { .init(Self.declared($0), credentials: .init(statusOf: $0)) },
            labels: labels, published: published.map { PublishedClusters($0, key: $1) }, named: nil, now: now)
        notes += plan.problems + plan.notes + plan.wouldBeEmpty
        if let (map, key) = published {
            let beside = BesideOurs(map, key: key, ours: plan.configuration)
            notes += beside.message.map { [$0] } ?? []
        }
        isIncomplete = isIncomplete || !plan.problems.isEmpty
        for (cluster, why) in plan.leftOut.sorted(by: { $0.key < $1.key }) {
            notes.append("cluster \(cluster) is not in the values (\(why)): flyteadmin would not start with it")
        }
        let section = (try? YAML.parse(plan.configuration.yaml))?["clusters"] ?? .null
        var values: JSON = ["configmap": ["clusters": section]]
        if Set(registry.domains) != Set(ClusterRegistrySpec.defaultDomains) {
            values[path: ["configmap", "domain", "domains"]] = .array(
                registry.domains.map { ["id": .string($0), "name": .string($0)] })
        }
        if registry.namespaceTemplate != ClusterRegistrySpec.defaultNamespaceTemplate {
            values[path: ["configmap", "namespace_config", "namespace_mapping", "template"]] =
                .string(registry.namespaceTemplate)
        }
        values[KeptByExport.key] = KeptByExport(objects, assignments: assignments, values: values).json
        add("values-clusters.yaml", values)
    }

    /// A label has each of its clusters with its own weight: flyteadmin leaves out the disabled ones by itself, and a
    /// cordoned cluster gets its share back when it is enabled.
    private static func declared(_ plane: DataPlane) -> DataPlane {
        var plane = plane
        plane.spec.enabled = plane.spec.enabled && !plane.spec.unschedulable
        plane.spec.unschedulable = false
        return plane
    }

    /// What is published now, as far as it could be read.
    private mutating func published(_ objects: ControlPlaneObjects) -> (map: ConfigMap, key: String)? {
        guard let reference = registry.publish?.clustersConfigMap else { return nil }
        switch objects.configMaps[reference.name] {
        case .present(let data)?:
            return (ConfigMap(metadata: ObjectMeta(name: reference.name), data: data), reference.key)
        case .absent?, nil: return nil
        case .unreadable(let why)?:
            notes.append(
                "ConfigMap \(reference.name) can't be read, so that labels which are kept may be missing: \(why)")
            isIncomplete = true
            return nil
        }
    }

    /// The ConfigMaps that the files depend on.
    public static func configMapNames(_ objects: ControlPlaneObjects) -> Set<String> {
        let spec = objects.registry?.json["spec"]
        let publish = spec?["publish"]?["clustersConfigMap"]
        let published = publish.map { $0["name"]?.string ?? Publish.defaultConfigMap }
        return Set([published, spec?["importFrom"]?["name"]?.string].compactMap { $0 })
    }

    /// Lists of maps with one key each: Flyte's configuration library lowercases the keys of maps.
    private mutating func addClusterResources(_ objects: ControlPlaneObjects) {
        let imported = live(objects).overlaid(by: registry.import)
        var global = imported.templateData
        global.merge(registry.values) { _, own in own }
        var domains = imported.customData
        for (domain, values) in registry.domainValues { domains[domain, default: [:]].merge(values) { _, own in own } }
        func list(_ values: TemplateValues) -> JSON {
            .array(
                values.sorted { $0.key < $1.key }.map { name, value in
                    .object([name: ["value": .string(value.text)]])
                })
        }
        var resources: JSON = [
            "customData": .array(domains.sorted { $0.key < $1.key }.map { .object([$0.key: list($0.value)]) })
        ]
        if !global.isEmpty { resources["templateData"] = list(global) }
        add(
            "values-cluster-resources.yaml",
            ["cluster_resource_manager": ["enabled": true, "config": ["cluster_resources": resources]]])
        for source in registry.valuesFrom { note(source, of: "ClusterRegistry flyte") }
    }

    /// The values that `importFrom` reads.
    private mutating func live(_ objects: ControlPlaneObjects) -> FlyteImport {
        guard let reference = registry.importFrom else { return FlyteImport() }
        let place = "ConfigMap \(reference.name), key \(reference.key)"
        var problem = "was not read"
        switch objects.configMaps[reference.name] {
        case .present(let data)?:
            do throws(SpecProblem) {
                if let text = data[reference.key] { return try FlyteImport(parsing: text) }
                problem = "is not there"
            } catch {
                problem = "\(error)"
            }
        case .absent?: problem = "is not there"
        case .unreadable(let why)?: problem = "can't be read: \(why)"
        case nil: break
        }
        notes.append("the values of importFrom are not in the files: \(place) \(problem)")
        isIncomplete = true
        return FlyteImport()
    }

    // MARK: flytectl's files

    private mutating func addLabels(_ assignments: [ExecutionClusterLabel]) {
        let duplicates = AssignmentRules.duplicates(assignments)
        for object in assignments where duplicates[object.metadata.name] == nil && object.spec.problems().isEmpty {
            var file: JSON = [
                "project": .string(object.spec.project), "value": .string(object.spec.value),
            ]
            // Without a domain flytectl sets the label of the whole project.
            file["domain"] = object.spec.domain.map { .string($0) }
            file["workflow"] = object.spec.workflow.map { .string($0) }
            add("execution-cluster-labels/\(Self.fileName(object.metadata.name)).yaml", file)
        }
    }

    /// flyteadmin uses only the most specific row, so each row has all values of its project.
    private mutating func addProjects(_ projects: [FlyteProject]) {
        for object in projects.sorted(by: { $0.metadata.name < $1.metadata.name }) {
            let locked = Set(registry.lockedValues)
            for domain in object.effectiveDomains(registry.domains) {
                var values = object.spec.values
                values.merge(object.spec.domainValues[domain] ?? [:]) { _, own in own }
                values = values.filter { !locked.contains($0.key) }
                guard !values.isEmpty else { continue }
                let file: JSON = [
                    "project": .string(object.spec.project), "domain": .string(domain),
                    "attributes": .object(values.mapValues { .string($0.text) }),
                ]
                add("cluster-resource-attributes/\(Self.fileName("\(object.metadata.name)-\(domain)")).yaml", file)
            }
            for source in object.spec.valuesFrom { note(source, of: "FlyteProject \(object.metadata.name)") }
        }
        let claims = ProjectClaims(projects, registry)
        addRows(claims.taskResources, "task_resource_attributes", folder: "task-resource-attributes")
        addRows(claims.executionConfigs, "workflow_execution_config", folder: "workflow-execution-config")
        for (name, registration) in claims.registrations.sorted(by: { $0.key < $1.key }) where registration.enabled {
            notes.append("project \(name) is registered by its FlyteProject: in flyteadmin it stays as it is")
        }
    }

    /// The rows as flytectl has them: the members of flyteadmin's message, beside project and domain.
    private mutating func addRows(_ claims: RowClaims, _ member: String, folder: String) {
        for (key, claim) in claims.wanted.sorted(by: { $0.key < $1.key }) {
            guard var file = (try? JSON(parsing: claim.value))?[member] else { continue }
            (file["project"], file["domain"]) = (.string(key.project), .string(key.domain))
            add("\(folder)/\(Self.fileName("\(claim.object)-\(key.domain)")).yaml", file)
        }
    }

    // MARK: The rest

    private mutating func noteOthers(_ planes: [DataPlane]) {
        for plane in planes {
            let name = "DataPlane \(plane.metadata.name)"
            if !plane.spec.values.isEmpty || !plane.spec.valuesFrom.isEmpty {
                notes.append("\(name) has template values of its own: Flyte has the same values in all clusters")
            }
            if plane.spec.workloadIdentity?.annotation != nil {
                notes.append("\(name) has a workloadIdentity of its own: Flyte's template has one for all clusters")
            }
        }
        if let (key, text) = registry.workloadIdentity.annotation {
            notes.append(
                "the registry's workloadIdentity: Flyte's template of the default ServiceAccount needs \(key): \(text)")
        }
        if registry.namespaceTemplate != ClusterRegistrySpec.defaultNamespaceTemplate {
            notes.append(
                "namespaceTemplate is \(registry.namespaceTemplate): set flyteadmin's namespace_mapping.template")
        }
    }

    private mutating func note(_ source: ValueSource, of owner: String) {
        let place =
            source.secretKeyRef.map { "Secret \($0.name), key \($0.key)" }
            ?? source.configMapKeyRef.map { "ConfigMap \($0.name), key \($0.key)" } ?? "nothing"
        notes.append("\(owner): the value \(source.name) comes from \(place), and is not in the files")
    }

    private mutating func addSteps() {
        var lines = [
            "# The way back. The operations page (docs/migration.md, \"Back again\") has the order and the reasons.",
            "# Put the values files into your Helm values before you run `helm upgrade`.", "",
            "# 1. flytectl, from this folder. Rows that Squadron has published exist already. Without --force it asks for each",
            "#    file whether to go on; a flytectl that does not know the flag asks nothing, so leave it out there.",
        ]
        for (folder, command) in [
            ("execution-cluster-labels", "execution-cluster-label"),
            ("cluster-resource-attributes", "cluster-resource-attribute"),
            ("task-resource-attributes", "task-resource-attribute"),
            ("workflow-execution-config", "workflow-execution-config"),
        ] where files.contains(where: { $0.name.hasPrefix(folder + "/") }) {
            lines.append(
                "for file in \(folder)/*.yaml; do flytectl update \(command) --force --attrFile \"$file\"; done")
        }
        lines += ["", "# 2. After the operator is removed: what it has left in the control plane."]
        let kubectl = "kubectl -n \(Self.quoted(namespace))"
        if let published = registry.publish?.clustersConfigMap {
            let key = published.key.replacing("~", with: "~0").replacing("/", with: "~1")
            let patch: JSON = [["op": "remove", "path": .string("/data/\(key)")]]
            let annotations = [
                PublishedClusters.withdrawnAnnotation, PublishedClusters.timeAnnotation, RolloutPlan.checksumAnnotation,
            ]
            lines += [
                "# The key only if your values have replaced it by now.",
                "\(kubectl) patch configmap \(Self.quoted(published.name)) --type=json -p \(Self.quoted(patch.serializedString))",
                "\(kubectl) annotate configmap \(Self.quoted(published.name)) "
                    + annotations.map { $0 + "-" }.joined(separator: " "),
            ]
        }
        let maps = FlyteAdminNotes.configMapNames.joined(separator: " ")
        lines += [
            "\(kubectl) delete --ignore-not-found configmap \(maps)", "",
            "# 3. In each data plane, if you like: labels and annotations. They do no harm.",
            "kubectl annotate namespaces -l \(Ownership.projectLabel) \(Ownership.controlPlaneAnnotation)-",
            "kubectl label namespaces -l \(Ownership.managedByLabel)=\(Ownership.managedBy) \(Ownership.managedByLabel)-",
            "kubectl label namespaces -l \(Ownership.projectLabel) \(Ownership.projectLabel)- \(Ownership.domainLabel)-",
        ]
        files.append(File(name: "steps.sh", text: lines.joined(separator: "\n") + "\n"))
    }

    private mutating func add(_ name: String, _ json: JSON) {
        files.append(File(name: name, text: YAML.emit(json)))
    }

    /// A name as one word for a shell, whatever characters it has.
    static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }

    /// A file name for a domain, which may have any characters.
    static func fileName(_ name: String) -> String {
        let text = String(
            String.UnicodeScalarView(
                name.unicodeScalars.map { scalar in
                    let isGood = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
                    return isGood || scalar == "-" || scalar == "." || scalar == "_" ? scalar : "_"
                }))
        let start = text.hasPrefix(".") ? "_" + text.dropFirst() : text
        return start.cut(toBytes: 200)
    }

    /// All files one after the other, each below its name.
    public var text: String {
        files.map { "# file: \($0.name)\n\($0.text)" }.joined(separator: "---\n")
    }
    /// By file name.
    public var json: JSON {
        [
            "files": .object(Dictionary(files.map { ($0.name, .string($0.text)) }) { first, _ in first }),
            "notes": .array(notes.map { .string($0) }),
        ]
    }
}

extension FlyteExport {
    public func rendered(as format: OutputFormat) -> String {
        switch format {
        case .text: text
        case .json: String(decoding: json.serialized(pretty: true), as: UTF8.self)
        case .yaml: YAML.emit(json)
        }
    }
}
