import Fleet
import HTTP
import JSON
import Kube
import KubeObjects
import Support

/// Carries out `squadron rotate`: for each entry it looks, takes the next step, and looks again. Each step prints a
/// line.
public struct RotateRun: Sendable {
    let controlPlane: ControlPlaneReader
    let endpoint: ClusterEndpoint
    let dataPlane: KubeClient
    let screen: Screen
    let isDry: Bool
    /// How long to wait for one thing.
    let patience: Duration
    private let userAgent: String
    private let wallClock: WallClock

    static let manager = "squadron-rotate"
    private static let pause = Duration.seconds(1)
    /// The annotation of a Deployment that this command restarts. It says which token the Deployment has read.
    static func mark(of cluster: String) -> String { "\(FleetGroup.name)/rotated.\(cluster)" }

    public init(
        controlPlane: ControlPlaneReader, endpoint: ClusterEndpoint, dataPlane: KubeClient, screen: Screen, isDry: Bool,
        patience: Duration, userAgent: String, wallClock: WallClock = .system
    ) {
        self.controlPlane = controlPlane
        self.endpoint = endpoint
        self.dataPlane = dataPlane
        self.screen = screen
        self.isDry = isDry
        self.patience = patience
        self.userAgent = userAgent
        self.wallClock = wallClock
    }

    private struct Stop: Error { var message: String }

    /// - Parameters:
    ///   - name: the DataPlane's name.
    ///   - account: the account to rotate. Nil: all.
    public func carryOut(_ name: String, account: String?) async -> Outcome {
        var steps = Steps(screen, patience: patience)
        var left: [String] = []
        do {
            let plane = try await plane(name)
            try await checkCluster(plane)
            let found = RotateEntries(plane, account: account, secrets: try await secrets(of: plane))
            for note in found.notes { screen.note("note: \(note)") }
            if let refusal = found.refusal { throw Stop(message: refusal) }
            for entry in found.entries {
                let others = found.entries.filter {
                    $0 != entry && $0.account == entry.account && $0.namespace == entry.namespace
                }
                try await rotate(entry, name, others: others, &steps, &left)
                left = []
            }
            if isDry { screen.print("nothing was done (--dry-run)") }
            return .done
        } catch let stop as Stop {
            screen.note("squadron rotate: \(stop.message)")
        } catch {
            screen.note("squadron rotate: \(error)")
        }
        if !steps.done.isEmpty { screen.note("done: \(steps.done.joined(separator: "; "))") }
        if !left.isEmpty {
            screen.note(
                "left: \(left.joined(separator: "; ")). The old token works until then. Run the command again to go on")
        }
        return .failed
    }

    private func rotate(
        _ entry: RotatedEntry, _ name: String, others: [RotatedEntry], _ steps: inout Steps, _ left: inout [String]
    ) async throws {
        let newName = "\(entry.account)-token-\(Timestamp(wallClock.now).description.filter(\.isNumber))"
        while true {
            let look: Look
            do throws(KubeError) {
                look = try await self.look(entry, name, others)
            } catch {
                guard !left.isEmpty, error.isRetryable, steps.wait(for: "an answer (\(error))") else { throw error }
                try await Task.sleep(for: Self.pause)
                continue
            }
            let plan = RotatePlan(entry, look.facts, newName: newName)
            left = plan.left
            if isDry {
                for text in plan.left { screen.print("would \(text)") }
                return
            }
            switch plan.step {
            case .stop(let why): throw Stop(message: why)
            case .wait(let what): try await wait(for: what, &steps)
            default:
                if try await take(plan.step, entry, look, &steps) { return }
            }
        }
    }

    private func wait(for what: String, _ steps: inout Steps) async throws {
        guard steps.wait(for: what) else {
            throw Stop(message: "not within \(patience.components.seconds) s: \(what)")
        }
        try await Task.sleep(for: Self.pause)
    }

    // MARK: Acting

    /// True at the end.
    private func take(
        _ step: RotatePlan.Step, _ entry: RotatedEntry, _ look: Look, _ steps: inout Steps
    ) async throws -> Bool {
        do throws(KubeError) {
            switch step {
            case .stop, .wait: break
            case .create(let name, let replaces):
                try await create(name, replaces, entry, look.plane)
                steps.say("created", "Secret \(name) in the data plane, for a new token of \(entry.account)")
            case .mark(let name, let replaces):
                try await annotate(name, .string(replaces), entry)
                steps.say("noted", "that it takes the place of \(replaces.isEmpty ? "no Secret" : replaces)")
            case .publish(let name):
                if let trouble = try await publish(name, entry, look) {
                    return try await waited(for: trouble, &steps)
                }
                steps.say("published", "the new token to \(entry.place)")
            case .restart(let name):
                try await restart(name, look)
                steps.say("restarted", "Deployment \(name), which reads its tokens at its start")
            case .deleteOld(let name, let uid):
                do throws(KubeError) {
                    try await dataPlane.delete(
                        Secret.resourceType, namespace: entry.namespace, name: name,
                        preconditions: uid.map { Preconditions(uid: $0) })
                } catch {
                    if !error.isNotFound { throw error }
                }
                steps.say("deleted", "Secret \(name) in the data plane: the old token is void")
            case .finish(let name):
                try await annotate(name, .null, entry)
                steps.say("rotated", "\(entry.place)")
                return true
            }
        } catch {
            guard error.isConflict || error.isAlreadyExists, steps.mayTryAgain() else { throw error }
        }
        return false
    }

    private func waited(for what: String, _ steps: inout Steps) async throws(KubeError) -> Bool {
        guard steps.wait(for: what) else {
            throw KubeError(operation: "wait for \(what)", cause: .unexpectedAnswer("too long"))
        }
        try? await Task.sleep(for: Self.pause)
        return false
    }

    private func create(
        _ name: String, _ replaces: String, _ entry: RotatedEntry, _ plane: DataPlane
    ) async throws(KubeError) {
        let annotations: JSON = [
            "kubernetes.io/service-account.name": .string(entry.account), RotatePlan.annotation: .string(replaces),
            NeededRights.annotation: .string(plane.metadata.name),
        ]
        let secret: JSON = [
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": [
                "name": .string(name), "namespace": .string(entry.namespace),
                "labels": ["app.kubernetes.io/name": "squadron"], "annotations": annotations,
            ],
        ]
        try await dataPlane.create(
            secret, type: Secret.resourceType, namespace: entry.namespace, fieldManager: Self.manager)
    }

    private func annotate(_ name: String, _ value: JSON, _ entry: RotatedEntry) async throws(KubeError) {
        try await dataPlane.mergePatch(
            ["metadata": ["annotations": [RotatePlan.annotation: value]]], type: Secret.resourceType,
            namespace: entry.namespace, name: name, fieldManager: Self.manager, metadataOnlyAnswer: true)
    }

    /// Writes only that key, only if the Secret is the version that was read, and only a token that the data plane
    /// accepts.
    /// - Returns: what it waits for. Nil when it is done.
    private func publish(_ name: String, _ entry: RotatedEntry, _ look: Look) async throws(KubeError) -> String? {
        let (token, isFilled) = try await AccountTokens(client: dataPlane, namespace: entry.namespace).token(
            of: entry.account, secret: name)
        if let refusal = await refusal(of: token) { return "the data plane to take the new token: \(refusal)" }
        if !isFilled {
            screen.note("note: nothing has filled the Secret \(name), so the new token is one that ends")
        }
        guard let version = look.version else { return "Secret \(entry.secret) to have a version" }
        var change: JSON = [
            "metadata": ["resourceVersion": .string(version)],
            "data": [entry.key: .string(token.withBytes { Base64.encode($0) })],
        ]
        defer { change.wipe() }
        try await controlPlane.client.mergePatch(
            change, type: Secret.resourceType, namespace: controlPlane.namespace, name: entry.secret,
            fieldManager: Self.manager, metadataOnlyAnswer: true)
        return nil
    }

    /// Nil if the data plane accepts the token. The user's own certificate is not sent with it.
    private func refusal(of token: Sensitive) async -> String? {
        var own = ClusterEndpoint(
            server: endpoint.server, tls: endpoint.tls, proxyURL: endpoint.proxyURL, authorization: StaticToken(token))
        (own.tls.clientCertificate, own.tls.clientKey) = (nil, nil)
        own.proxyLogin = endpoint.proxyLogin
        let client = ControlPlaneReader.client(for: own, userAgent: userAgent)
        defer { client.close() }
        do throws(KubeError) {
            _ = try await client.version()
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// Restarts a Deployment as `kubectl rollout restart` does.
    private func restart(_ name: String, _ look: Look) async throws(KubeError) {
        // A node may give a new pod the Secret's old content for a short time.
        try? await Task.sleep(for: Self.pause * 3)
        let annotations = [
            Deployment.restartAnnotation: Timestamp(wallClock.now).description, look.mark.key: look.mark.value,
        ]
        try await controlPlane.client.mergePatch(
            Deployment.templateAnnotationsPatch(annotations), type: Deployment.resourceType,
            namespace: controlPlane.namespace, name: name, fieldManager: Self.manager, metadataOnlyAnswer: true)
    }

    // MARK: Looking

    private struct Look {
        var plane: DataPlane
        var facts: RotateFacts
        /// The version of the control plane's Secret.
        var version: String?
        var mark: (key: String, value: String)
    }

    private func look(
        _ entry: RotatedEntry, _ name: String, _ others: [RotatedEntry]
    ) async throws(KubeError) -> Look {
        let objects = try await controlPlane.objects(of: [.dataPlanes, .clusterRegistries])
        let planes = objects.decoded(DataPlane.self).objects
        guard let plane = planes.first(where: { $0.metadata.name == name }) else {
            throw KubeError(
                operation: "get dataplanes/\(name)", cause: .unexpectedAnswer("it is gone or can't be read"))
        }
        let secret = try await secret(entry.secret)
        let token = RotateEntries.trimmed(secret[entry.key] ?? Sensitive(""))
        let mark = (key: Self.mark(of: plane.clusterName), value: Fingerprint.of(token))
        var facts = RotateFacts(current: AccountToken.read(token)?.secret, tokens: try await tokens(entry))
        facts.squadron = RotateFacts.Use(of: token, entry, plane)
        for other in others {
            let secret = other.secret == entry.secret ? secret : try await self.secret(other.secret)
            let token = secret[other.key].map(RotateEntries.trimmed)
            if let source = token.flatMap(AccountToken.read)?.secret { facts.othersUse.insert(source) }
        }
        if entry.secret == PublishedCredentials.secretName {
            let flyte = try await FlyteAdminFacts(controlPlane, objects)
            let checksum = flyte.published?.configuration.map {
                ClustersChecksum.text(
                    $0, published: flyte.published?.time, planes: planes,
                    entries: secret.data.keys.reduce(into: [:]) { $0[$1] = secret[$1] })
            }
            facts.flyteAdmin = flyte.rollout(ofEntry: entry.key, mark: mark, checksum: checksum)
        }
        return Look(plane: plane, facts: facts, version: secret.metadata.resourceVersion, mark: mark)
    }

    private func secret(_ name: String) async throws(KubeError) -> Secret {
        try await controlPlane.client.get(Secret.self, namespace: controlPlane.namespace, name: name)
    }

    private func tokens(_ entry: RotatedEntry) async throws(KubeError) -> [RotateFacts.TokenSecret] {
        let collection = KubeCollection(
            Secret.resourceType, namespace: entry.namespace,
            fieldSelector: "type=kubernetes.io/service-account-token", metadataOnly: true)
        return try await dataPlane.listAll(PartialObject.self, of: collection).map(\.metadata).filter {
            $0.annotations?["kubernetes.io/service-account.name"] == entry.account
        }.map { .init(name: $0.name, uid: $0.uid, replaces: $0.annotations?[RotatePlan.annotation]) }
    }

    private func plane(_ name: String) async throws -> DataPlane {
        let planes = try await controlPlane.objects(of: [.dataPlanes]).decoded(DataPlane.self)
        if let plane = planes.objects.first(where: { $0.metadata.name == name }) { return plane }
        let problem = planes.problems.first { $0.hasPrefix("DataPlane \(name): ") }
        throw Stop(message: problem ?? "there is no DataPlane \(name)")
    }

    private func checkCluster(_ plane: DataPlane) async throws {
        let uid: String?
        do throws(KubeError) {
            uid = try await dataPlane.get(Namespace.self, name: "kube-system").metadata.uid
        } catch {
            throw Stop(
                message: "the data plane: \(error)" + MissingRule.advice(error, ["get"], Namespace.resourceType))
        }
        if let known = plane.status?.clusterUID, let uid, known != uid {
            throw Stop(
                message:
                    "the context reaches another cluster than DataPlane \(plane.metadata.name) (another kube-system UID)"
            )
        }
    }

    private func secrets(of plane: DataPlane) async throws -> [String: Secret] {
        var secrets: [String: Secret] = [:]
        for name in Set(RotateEntries.places(of: plane).map(\.secret)) {
            do throws(KubeError) {
                secrets[name] = try await controlPlane.client.get(
                    Secret.self, namespace: controlPlane.namespace, name: name)
            } catch {
                guard error.isNotFound else {
                    throw Stop(
                        message: "the control plane: \(error)" + MissingRule.advice(error, ["get"], Secret.resourceType)
                    )
                }
            }
        }
        return secrets
    }
}

extension RotateFacts.Use {
    /// By what the operator's status says about the token that it uses.
    init(of token: Sensitive, _ entry: RotatedEntry, _ plane: DataPlane) {
        let credentials = plane.spec.credentials
        let isRead = credentials.secretName == entry.secret && plane.tokenKey == entry.key
        // If the operator renews the token by itself, it uses another token than the Secret's.
        guard isRead, credentials.provider == .secret, plane.spec.enabled else {
            self = .notConcerned
            return
        }
        let condition = plane.status?.conditions[.credentialsValid]
        if plane.status?.credential?.fingerprint == Fingerprint.of(token), condition?.status == .isTrue {
            self = .usesIt
        } else {
            let why = condition?.status == .isTrue ? "" : condition.map { " (\($0.reason): \($0.message))" } ?? ""
            self = .waits("the operator to work with the new token\(why)")
        }
    }
}
