import Fleet
import Kube
import KubeObjects

/// What was found in a data plane.
struct NamespacesFound: Sendable {
    enum Reading: Sendable {
        /// Namespaces with our labels.
        case namespaces([ObjectMeta])
        /// Why the data plane can't be read.
        case unreachable(String)
        /// Why the data plane was left out.
        case skipped(String)
    }
    var dataPlane: String
    var cluster: String
    var reading: Reading
}

/// Searches all data planes for our namespaces that nothing wants. It deletes nothing.
public struct OrphanSearch: Sendable {
    /// How many data planes are asked at a time.
    private static let width = 16

    let reader: ControlPlaneReader
    let access: DataPlaneAccess
    let flyteAdmin: FlyteAdminQuestions

    public init(_ reader: ControlPlaneReader, _ access: DataPlaneAccess, _ flyteAdmin: FlyteAdminQuestions) {
        (self.reader, self.access, self.flyteAdmin) = (reader, access, flyteAdmin)
    }

    public func report() async throws(KubeError) -> OrphanReport {
        var objects = try await reader.objects()
        for name in NamespaceStory.configMapNames(objects) where name == DiscoveredProjects.configMapName {
            objects.add(configMap: name, try await reader.configMap(name))
        }
        // A project that was added since may want a namespace.
        if let problem = await flyteAdmin.complete(&objects, isObserved: objects.isObserved) {
            return OrphanReport(incomplete: [problem])
        }
        let facts = StoryFacts(objects)
        let uid = try await reader.namespaceUID()
        guard let identity = RegistryIdentity(facts.spec.identity, namespaceUID: uid), facts.isComplete else {
            let why = facts.isComplete ? ["the Namespace \(reader.namespace) can't be read, whose UID marks ours"] : []
            return OrphanReport(incomplete: facts.notes + why)
        }
        return OrphanReport(facts, identity, await found(facts))
    }

    private func found(_ facts: StoryFacts) async -> [NamespacesFound] {
        return await withTaskGroup(of: NamespacesFound.self) { group in
            var rest = facts.planes[...]
            var found: [NamespacesFound] = []
            func next() {
                guard let plane = rest.popFirst() else { return }
                group.addTask { await look(into: plane) }
            }
            for _ in 0..<Self.width { next() }
            for await one in group {
                found.append(one)
                next()
            }
            return found.sorted { $0.dataPlane < $1.dataPlane }
        }
    }

    private func look(into dataPlane: DataPlane) async -> NamespacesFound {
        func result(_ reading: NamespacesFound.Reading) -> NamespacesFound {
            NamespacesFound(dataPlane: dataPlane.metadata.name, cluster: dataPlane.clusterName, reading: reading)
        }
        guard dataPlane.spec.enabled else { return result(.skipped("spec.enabled is false: it is left alone")) }
        do throws(DataPlaneAccess.Failure) {
            let namespaces = try await access.with(dataPlane) { client throws(KubeError) in
                let collection = KubeCollection(
                    Namespace.resourceType, labelSelector: Ownership.projectLabel, metadataOnly: true)
                return try await client.listAll(PartialObject.self, of: collection).map(\.metadata)
            }
            return result(.namespaces(namespaces))
        } catch {
            return result(.unreachable(error.message))
        }
    }
}
