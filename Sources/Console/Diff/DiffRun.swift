import Fleet
import Kube
import KubeObjects
import Support

/// `squadron diff`: reads the control plane with the user's rights, and asks every data plane.
public struct DiffRun: Sendable {
    /// How many data planes are asked at a time.
    private static let width = 12

    let reader: ControlPlaneReader
    let access: DataPlaneAccess
    let flyteAdmin: FlyteAdminQuestions
    let files: DiffFiles
    let screen: Screen

    public init(
        _ reader: ControlPlaneReader, _ access: DataPlaneAccess, _ flyteAdmin: FlyteAdminQuestions, _ files: DiffFiles,
        _ screen: Screen
    ) {
        (self.reader, self.access, self.flyteAdmin) = (reader, access, flyteAdmin)
        (self.files, self.screen) = (files, screen)
    }

    public func report() async throws(KubeError) -> DiffReport {
        let live = try await reader.objects()
        var objects = files.over(live)
        var sources = FleetSources()
        sources.namespaceUID = try await reader.namespaceUID()
        try await addConfigMaps(to: &objects, &sources)
        var notes = files.notes
        if let problem = await flyteAdmin.complete(&objects, isObserved: live.isObserved) { notes.append(problem) }
        for name in Self.secretNames(objects) { sources.secrets[name] = try await secret(name) }
        if Self.replications(objects).contains(where: { $0.selector != nil }) {
            sources.labelledSecrets = try await labelledSecrets()
        }
        if objects.registry?.spec("rollout", "type")?.string == RolloutPolicy.Kind.progressive.rawValue {
            do throws(KubeError) {
                sources.revisions = try await reader.rolloutRevisions().compactMap(StoredRevision.init)
                    .sorted { $0.number < $1.number }
            } catch {
                guard error.isForbidden else { throw error }
                notes.append(
                    "the revisions of the staged rollout can't be read, so nothing is said of it: \(error.detail)")
            }
        }
        let fleet: WantedFleet
        do throws(WantedFleet.Failure) {
            fleet = try WantedFleet(objects, sources)
        } catch {
            return DiffReport(problem: error.message, notes: notes)
        }
        return await report(fleet, DiffReport(notes: notes + fleet.notes))
    }

    /// Adds the ConfigMaps that the objects name, and flyteadmin's projects and attributes.
    private func addConfigMaps(
        to objects: inout ControlPlaneObjects, _ sources: inout FleetSources
    ) async throws(KubeError) {
        var names = NamespaceStory.configMapNames(objects)
        let registry = objects.registry
        if let name = registry?.spec("importFrom", "name")?.string { names.insert(name) }
        if registry?.spec("flyteAdmin") != nil { names.insert(ClusterResourceAttributes.configMapName) }
        let templates = registry?.spec("templatesConfigMap")?.string ?? ""
        for name in names where name != templates && !files.configMapNames.contains(name) {
            objects.add(configMap: name, try await reader.configMap(name))
        }
        if templates.isEmpty { return }
        let live = try await reader.configMap(templates)
        if case .present(let data) = live { sources.templatesBefore = data }
        if !files.configMapNames.contains(templates) { objects.add(configMap: templates, live) }
    }

    private static func secretNames(_ objects: ControlPlaneObjects) -> Set<String> {
        var sources = objects.decoded(ClusterRegistry.self).objects.flatMap(\.spec.valuesFrom)
        sources += objects.decoded(FlyteProject.self).objects.flatMap(\.spec.valuesFrom)
        sources += objects.decoded(DataPlane.self).objects.flatMap(\.spec.valuesFrom)
        return Set(sources.compactMap { $0.secretKeyRef?.name }).union(Set(replications(objects).map(\.name)))
            .subtracting([""])
    }

    private static func replications(_ objects: ControlPlaneObjects) -> [SecretReplication] {
        objects.decoded(ClusterRegistry.self).objects.flatMap(\.spec.replicateSecrets)
    }

    private func labelledSecrets() async throws(KubeError) -> SecretReading<[String: LabelledSecret]> {
        let collection = KubeCollection(
            Secret.resourceType, namespace: reader.namespace,
            labelSelector: "\(SecretUse.label)=\(SecretUse.replicate.rawValue)")
        do {
            let secrets = try await reader.client.listAll(Secret.self, of: collection).compactMap(\.object)
            return .present(
                Dictionary(
                    secrets.map { secret in
                        let labels = secret.metadata.labels ?? [:]
                        return (secret.metadata.name, LabelledSecret(content: SecretContent(secret), labels: labels))
                    }
                ) { $1 })
        } catch {
            guard error.isForbidden else { throw error }
            return .unreadable(error.detail)
        }
    }

    private func secret(_ name: String) async throws(KubeError) -> SecretReading<SecretContent> {
        do {
            return .present(
                SecretContent(try await reader.client.get(Secret.self, namespace: reader.namespace, name: name)))
        } catch {
            if error.isNotFound { return .absent }
            guard error.isForbidden || error.isUnexpectedAnswer else { throw error }
            return .unreadable(error.detail)
        }
    }

    private enum Answer: Sendable {
        case found(DataPlaneFindings)
        case unreachable(String)
    }

    private func report(_ fleet: WantedFleet, _ empty: DiffReport) async -> DiffReport {
        var report = empty
        for (name, why) in fleet.leftAlone { report.add(skipped: name, why) }
        let planes = fleet.dataPlanes.filter { fleet.leftAlone[$0.metadata.name] == nil }
        let observed = planes.filter { fleet.mode(of: $0) == .observe }.map(\.metadata.name)
        if !observed.isEmpty {
            let more = observed.count > 16 ? " and \(observed.count - 16) more" : ""
            let names = observed.prefix(16).joined(separator: ", ") + more
            report.add(note: "in Observe, where nothing is written before that ends: \(names)")
        }
        screen.note("comparing \(planes.count) data planes")
        await withTaskGroup(of: (DataPlane, Answer).self) { group in
            var rest = planes[...]
            func next() {
                guard let plane = rest.popFirst() else { return }
                group.addTask { (plane, await look(into: plane, fleet)) }
            }
            for _ in 0..<Self.width { next() }
            var done = 0
            for await (plane, answer) in group {
                done += 1
                let name = plane.metadata.name
                switch answer {
                case .found(let findings):
                    screen.note("\(name): \(findings.changes.count) changes (\(done) of \(planes.count))")
                    report.add(name, fleet.mode(of: plane), findings)
                case .unreachable(let why):
                    screen.note("\(name): can't be read (\(done) of \(planes.count))")
                    report.add(unreachable: name, fleet.redaction.clean(why))
                }
                next()
            }
        }
        report.sort()
        return report
    }

    private func look(into dataPlane: DataPlane, _ fleet: WantedFleet) async -> Answer {
        do throws(DataPlaneAccess.Failure) {
            let findings = try await access.with(dataPlane) { client throws(KubeError) in
                try await DataPlaneComparison(fleet: fleet, dataPlane: dataPlane, client: client).findings()
            }
            return .found(findings)
        } catch {
            return .unreachable(error.message)
        }
    }
}
