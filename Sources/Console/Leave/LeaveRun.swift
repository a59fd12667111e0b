import Fleet
import JSON
import Kube
import KubeObjects
import Support

/// Carries out `squadron leave`: it looks, takes the next step, and looks again. Each step prints a line.
public struct LeaveRun: Sendable {
    let controlPlane: ControlPlaneReader
    /// Nil without a context.
    let dataPlane: KubeClient?
    let screen: Screen
    /// Says what would be done, and does nothing.
    let isDry: Bool
    /// How long to wait for one thing.
    let patience: Duration

    static let manager = "squadron-leave"
    /// The pause between two looks at what it waits for.
    private static let pause = Duration.seconds(1)
    private static let accountTypes = [
        "ServiceAccount", "Secret", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding",
    ]
    .compactMap { JoinRun.types[$0] }

    public init(
        controlPlane: ControlPlaneReader, dataPlane: KubeClient?, screen: Screen, isDry: Bool, patience: Duration
    ) {
        self.controlPlane = controlPlane
        self.dataPlane = dataPlane
        self.screen = screen
        self.isDry = isDry
        self.patience = patience
    }

    private struct Stop: Error { var message: String }

    public func carryOut(_ request: LeaveRequest) async -> Outcome {
        var steps = Steps(screen, patience: patience)
        var last: LeavePlan?
        do {
            while true {
                let facts: LeaveFacts
                do throws(KubeError) {
                    facts = try await look(request)
                } catch {
                    // A run that has worked for a while continues: a server may be away for a moment.
                    guard last != nil, error.isRetryable, steps.wait(for: "an answer (\(error))") else { throw error }
                    try await Task.sleep(for: Self.pause)
                    continue
                }
                let plan = LeavePlan(request, facts)
                last = plan
                switch plan.step {
                case .refuse(let why): throw Stop(message: why)
                case .done:
                    // After a run that did something, the DataPlane is gone because of it.
                    if !steps.done.isEmpty { return .done }
                    for note in plan.notes { screen.note("note: \(note)") }
                    return .done
                case .wait(let what):
                    if isDry { return tellDry(plan) }
                    guard steps.wait(for: what) else {
                        throw Stop(message: "not within \(patience.components.seconds) s: \(what)")
                    }
                    try await Task.sleep(for: Self.pause)
                case let step:
                    if isDry { return tellDry(plan) }
                    if case .removeDataPlane = step { for note in plan.notes { screen.note("note: \(note)") } }
                    try await take(step, request, &steps)
                }
            }
        } catch let stop as Stop {
            screen.note("squadron leave: \(stop.message)")
        } catch {
            screen.note("squadron leave: \(error)")
        }
        tell(steps, last, request)
        return .failed
    }

    private func tellDry(_ plan: LeavePlan) -> Outcome {
        for text in plan.left { screen.print("would \(text)") }
        for note in plan.notes { screen.note("note: \(note)") }
        screen.print("nothing was done (--dry-run)")
        return .done
    }

    /// Prints what was done and what is left, unless the run ended well.
    private func tell(_ steps: Steps, _ plan: LeavePlan?, _ request: LeaveRequest) {
        if isDry { return }
        if !steps.done.isEmpty { screen.note("done: \(steps.done.joined(separator: "; "))") }
        guard let plan, !plan.left.isEmpty else { return }
        screen.note("left: \(plan.left.joined(separator: "; ")). Run the command again to go on")
        guard !steps.done.isEmpty else { return }
        screen.note(
            "to keep the data plane instead: kubectl -n \(request.namespace) annotate dataplane \(request.name) "
                + "\(DataPlane.leavingAnnotation)-, set spec.enabled to true there, and squadron uncordon \(request.name)"
        )
    }

    // MARK: Looking

    private func look(_ request: LeaveRequest) async throws(KubeError) -> LeaveFacts {
        let objects = try await controlPlane.objects(of: [.dataPlanes, .executionLabels, .clusterRegistries])
        var facts = LeaveFacts(objects: objects)
        guard let plane = objects[.dataPlanes].first(where: { $0.metadata.name == request.name }) else { return facts }
        facts.flyteAdmin = try await FlyteAdminFacts(controlPlane, objects)
        for name in SecretRules.credentialsSecrets.sorted() {
            if let keys = try await keys(of: name) { facts.secrets.append(keys) }
        }
        for type in [Secret.resourceType] + ["RoleBinding", "Role"].compactMap({ JoinRun.types[$0] }) {
            facts.others += try await joined(
                type, controlPlane.client, request, in: request.namespace, annotation: JoinRequest.joinedAnnotation)
        }
        guard let dataPlane else { return facts }
        facts.clusterUID = try await dataPlane.get(Namespace.self, name: "kube-system").metadata.uid
        // The accounts matter once all else is done. Until then they are assumed to exist.
        let isNear = plane.metadata.annotations?[DataPlane.leavingAnnotation] == "true" || isDry
        facts.accounts = []
        // The Role for propeller is in propeller's namespace.
        let other = facts.flyteAdmin.registry?.flyteHealth.namespace ?? request.namespace
        for type in Self.accountTypes where isNear {
            for namespace in Set([request.namespace, type.isNamespaced ? other : request.namespace]) {
                facts.accounts? += try await joined(
                    type, dataPlane, request, in: namespace, annotation: NeededRights.annotation)
            }
        }
        return facts
    }

    private func joined(
        _ type: ResourceType, _ client: KubeClient, _ request: LeaveRequest, in namespace: String, annotation: String
    ) async throws(KubeError) -> [JoinedObject] {
        let collection = KubeCollection(
            type, namespace: type.isNamespaced ? namespace : nil, labelSelector: JoinedObject.label,
            metadataOnly: true)
        return try await client.listAll(PartialObject.self, of: collection).compactMap {
            JoinedObject(type, $0.metadata, of: request.name, annotation: annotation)
        }
    }

    /// The names of the Secret's keys. Its values are dropped.
    private func keys(of name: String) async throws(KubeError) -> SecretKeys? {
        do {
            let secret = try await controlPlane.client.get(Secret.self, namespace: controlPlane.namespace, name: name)
            return SecretKeys(
                name: name, keys: Set(secret.data.keys), annotations: Set((secret.metadata.annotations ?? [:]).keys),
                owner: secret.metadata.ownerReferences?.first.map { "\($0.kind) \($0.name)" },
                version: secret.metadata.resourceVersion)
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }

    // MARK: Acting

    private func take(_ step: LeavePlan.Step, _ request: LeaveRequest, _ steps: inout Steps) async throws {
        do throws(KubeError) {
            switch step {
            case .refuse, .wait, .done: break
            case .cordon:
                try await patch(["spec": ["unschedulable": true]], .dataPlanes, request.name)
                steps.say("cordoned", request.name)
            case .unpublish:
                let annotations: JSON = [DataPlane.leavingAnnotation: "true"]
                try await patch(
                    ["metadata": ["annotations": annotations], "spec": ["enabled": false]], .dataPlanes, request.name)
                steps.say("leaving", "\(request.name) is disabled, and goes out of what flyteadmin reads")
            case .removeKeys(let secret, let keys, let annotations):
                try await remove(keys, annotations, of: secret)
                steps.say("removed", "\(keys.joined(separator: ", ")) of Secret \(secret.name)")
            case .removeAccount(let object):
                guard let dataPlane else { return }
                try await delete(object, dataPlane)
                steps.say("deleted", "\(object) in the data plane")
            case .removeOther(let object):
                try await delete(object, controlPlane.client)
                steps.say("deleted", "\(object) in the control plane")
            case .removeDataPlane:
                try await delete(
                    JoinedObject(.dataPlanes, request.name, in: request.namespace), controlPlane.client)
                steps.say("deleted", "DataPlane \(request.name)")
            }
        } catch {
            // Somebody else wrote first. The next look shows what is left.
            guard error.isConflict, steps.mayTryAgain() else { throw error }
        }
    }

    private func patch(_ change: JSON, _ type: ResourceType, _ name: String) async throws(KubeError) {
        try await controlPlane.client.mergePatch(
            change, type: type, namespace: controlPlane.namespace, name: name, fieldManager: Self.manager,
            metadataOnlyAnswer: true)
    }

    private func remove(_ keys: [String], _ annotations: [String], of secret: SecretKeys) async throws(KubeError) {
        func nothing(_ names: [String]) -> JSON {
            .object(Dictionary(names.map { ($0, JSON.null) }, uniquingKeysWith: { first, _ in first }))
        }
        var change: JSON = ["data": nothing(keys), "metadata": ["annotations": nothing(annotations)]]
        // Only the version that was read: something may name a key by now.
        if let version = secret.version { change[path: ["metadata", "resourceVersion"]] = .string(version) }
        try await patch(change, Secret.resourceType, secret.name)
    }

    private func delete(_ object: JoinedObject, _ client: KubeClient) async throws(KubeError) {
        do throws(KubeError) {
            try await client.delete(
                object.type, namespace: object.namespace, name: object.name,
                preconditions: object.uid.map { Preconditions(uid: $0) })
        } catch {
            if !error.isNotFound { throw error }
        }
    }
}
