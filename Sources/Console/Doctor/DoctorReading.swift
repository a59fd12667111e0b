import Fleet
import JSON
import Kube
import KubeObjects
import Support

/// Reads the facts for the checks, in parallel, with the user's own rights, and never with more than `width` requests
/// at once.
public struct DoctorReading: Sendable {
    static let width = 16
    static let flyteGroup = ("flyte.lyft.com", "v1alpha1")

    private let reader: ControlPlaneReader
    private let access: DataPlaneAccess
    private let clock: WallClock

    public init(_ reader: ControlPlaneReader, _ access: DataPlaneAccess, clock: WallClock = .system) {
        (self.reader, self.access, self.clock) = (reader, access, clock)
    }

    /// - Parameters:
    /// - names: the Secrets and ConfigMaps that the objects name.
    /// - askFlyteAdmin: asks flyteadmin with these settings.
    public func facts(
        names: @Sendable (DoctorFacts) -> NeededRights.Names,
        askFlyteAdmin: @Sendable (FlyteAdmin, [String: Seen<SecretContent>]) async -> FlyteAdminAnswer
    ) async throws(KubeError) -> DoctorFacts {
        var facts = DoctorFacts(ControlPlaneObjects(namespace: reader.namespace), now: clock.now)
        // If the control plane does not answer, the command fails: nothing could be checked.
        facts.clock = .present(try await skew(reader.client))
        for type in ControlPlaneReader.kinds {
            do {
                for object in try await reader.objects(of: [type])[type] { facts.objects.add(type, [object]) }
            } catch {
                // The missing CRD is a finding of its own.
                facts.unlisted[type.kind] = error.detail
            }
            facts.definitions[type.kind] = await json(.definitions, "\(type.plural).\(type.group)", namespaced: false)
        }
        facts.lease = await lease()
        let names = names(facts)
        await addObjects(to: &facts, secrets: names.secrets)
        facts.missingRights = await missingRights(names)
        facts.dataPlanes = await sights(facts)
        if let settings = facts.registry.flyteAdmin {
            facts.flyteAdmin = await askFlyteAdmin(settings, facts.secrets)
        }
        return facts
    }

    // MARK: The control plane

    private func addObjects(to facts: inout DoctorFacts, secrets: Set<String>) async {
        let registry = facts.registry
        for name in Set(DoctorFacts.workloads(registry) + [DoctorFacts.syncResources]).sorted() {
            facts.deployments[name] = await json(Deployment.resourceType, name)
        }
        var maps: Set = [Publish.defaultConfigMap]
        if let name = registry.publish?.clustersConfigMap?.name { maps.insert(name) }
        if !registry.templatesConfigMap.isEmpty { maps.insert(registry.templatesConfigMap) }
        if let name = registry.importFrom?.name { maps.insert(name) }
        if registry.flyteAdmin != nil { maps.insert(PublishedRows.configMapName) }
        for name in maps.sorted() { facts.configMaps[name] = await json(ConfigMap.resourceType, name) }
        for name in secrets.sorted().prefix(1_000) { facts.secrets[name] = await secret(name) }
    }

    private func json(_ type: ResourceType, _ name: String, namespaced: Bool = true) async -> Seen<JSON> {
        await Self.seen {
            () throws(KubeError) in
            try await reader.client.get(type, namespace: namespaced ? reader.namespace : nil, name: name)
        }
    }

    private func secret(_ name: String) async -> Seen<SecretContent> {
        await Self.seen {
            () throws(KubeError) in
            SecretContent(try await reader.client.get(Secret.self, namespace: reader.namespace, name: name))
        }
    }

    private func lease() async -> Seen<Lease> {
        await Self.seen {
            () throws(KubeError) in
            try await reader.client.get(Lease.self, namespace: reader.namespace, name: "squadron")
        }
    }

    private static func seen<Value: Sendable>(_ read: () async throws(KubeError) -> Value) async -> Seen<Value> {
        do throws(KubeError) {
            return .present(try await read())
        } catch {
            return error.isNotFound ? .absent : .unreadable(error.detail)
        }
    }

    private func skew(_ client: KubeClient) async throws(KubeError) -> Double {
        let start = clock.now
        guard let date = try await client.serverDate() else { return 0 }
        // The header has whole seconds.
        return date + 0.5 - (start + (clock.now - start) / 2)
    }

    /// The questions are asked in parallel, since the Role has some sixty rules.
    private func missingRights(_ names: NeededRights.Names) async -> Seen<[String]> {
        let rules: [JSON]
        do throws(KubeError) {
            let documents = try await RightsReading(reader).rights(names, namespace: reader.namespace)
                .documents(for: .controlPlane)
            rules = documents.first?["rules"]?.array ?? []
        } catch {
            return .unreadable(error.detail)
        }
        let questions = rules.flatMap { OperatorQuestion.all($0, namespace: reader.namespace) }
        var missing: [String] = []
        var obstacle: String?
        await withTaskGroup(of: (OperatorQuestion, Seen<Bool>).self) { group in
            var rest = questions[...]
            func next() {
                guard let question = rest.popFirst() else { return }
                group.addTask { (question, await ask(question)) }
            }
            for _ in 0..<Self.width { next() }
            for await (question, answer) in group {
                if case .present(false) = answer { missing.append(question.text) }
                if let why = answer.obstacle { obstacle = why }
                // An account that may not ask one question may ask none.
                if obstacle == nil { next() }
            }
        }
        if let obstacle { return .unreadable("whether it has its rights can't be asked: \(obstacle)") }
        return .present(Set(missing).sorted())
    }

    private func ask(_ question: OperatorQuestion) async -> Seen<Bool> {
        await Self.seen {
            () throws(KubeError) in
            let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
            let answer = try await reader.client.raw(.post, path, body: question.review).body
            return answer[path: ["status", "allowed"]]?.bool ?? false
        }
    }

    // MARK: The data planes

    private func sights(_ facts: DoctorFacts) async -> [String: DoctorDataPlaneFacts] {
        let health = facts.registry.flyteHealth
        return await withTaskGroup(of: (String, DoctorDataPlaneFacts).self) { group in
            var rest = facts.enabledPlanes[...]
            var found: [String: DoctorDataPlaneFacts] = [:]
            func next() {
                guard let plane = rest.popFirst() else { return }
                group.addTask { (plane.metadata.name, await look(into: plane, health)) }
            }
            for _ in 0..<Self.width { next() }
            for await (name, answers) in group {
                found[name] = answers
                next()
            }
            return found
        }
    }

    private func look(into plane: DataPlane, _ health: FlyteHealthSettings) async -> DoctorDataPlaneFacts {
        do throws(DataPlaneAccess.Failure) {
            return try await access.with(plane) { client throws(KubeError) in
                var answers = DoctorDataPlaneFacts()
                answers.clock = .present(try await skew(client))
                answers.propeller = await Self.seen {
                    () throws(KubeError) in
                    try await client.get(
                        Deployment.resourceType, namespace: health.namespace, name: health.deployment)
                }
                answers.servesFlyteWorkflows = await Self.seen {
                    () throws(KubeError) in
                    let (group, version) = Self.flyteGroup
                    let served = try await client.resources(group: group, version: version) ?? []
                    return served.contains { $0.type.plural == "flyteworkflows" }
                }
                return answers
            }
        } catch {
            var answers = DoctorDataPlaneFacts()
            answers.unreachable = error.message
            return answers
        }
    }
}

extension ResourceType {
    fileprivate static let definitions = ResourceType(
        group: "apiextensions.k8s.io", version: "v1", kind: "CustomResourceDefinition",
        plural: "customresourcedefinitions",
        isNamespaced: false)
}

/// One right of the operator's account, as a SubjectAccessReview asks for it.
struct OperatorQuestion: Sendable, Hashable {
    var group: String
    var resource: String
    var subresource: String
    var verb: String
    var name: String
    var namespace: String

    static func all(_ rule: JSON, namespace: String) -> [OperatorQuestion] {
        func texts(_ key: String) -> [String] { (rule[key]?.array ?? []).compactMap(\.string) }
        let names = texts("resourceNames")
        return texts("apiGroups").flatMap { group in
            texts("resources").flatMap { resource in
                texts("verbs").flatMap { verb in
                    (names.isEmpty ? [""] : names).map { name in
                        let parts = resource.split(separator: "/", maxSplits: 1).map(String.init)
                        return OperatorQuestion(
                            group: group, resource: parts.first ?? "", subresource: parts.count > 1 ? parts[1] : "",
                            verb: verb, name: name, namespace: namespace)
                    }
                }
            }
        }
    }

    /// "patch configmaps flyte-admin-clusters-config"
    var text: String {
        let what = resource + (subresource.isEmpty ? "" : "/\(subresource)")
        return [verb, group.isEmpty ? what : "\(what).\(group)", name].filter { !$0.isEmpty }.joined(separator: " ")
    }

    var review: JSON {
        var attributes: JSON = [
            "verb": .string(verb), "group": .string(group), "resource": .string(resource),
            "namespace": .string(namespace),
        ]
        if !subresource.isEmpty { attributes["subresource"] = .string(subresource) }
        if !name.isEmpty { attributes["name"] = .string(name) }
        let groups: JSON = [
            "system:serviceaccounts", .string("system:serviceaccounts:\(namespace)"), "system:authenticated",
        ]
        return [
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": [
                "user": .string("system:serviceaccount:\(namespace):squadron"), "groups": groups,
                "resourceAttributes": attributes,
            ],
        ]
    }
}
