import Fleet
import JSON
import Kube
import KubeObjects
import Support

/// Carries out `squadron join`. Each step prints a line and can be repeated.
public struct JoinRun: Sendable {
    let controlPlane: ControlPlaneReader
    let dataPlane: KubeClient
    /// The CA in PEM that verified the data plane. Nil if the system's roots did.
    let ca: [UInt8]?
    let screen: Screen
    /// Nothing is stored: the API servers answer by dry run what would be stored.
    let isDry: Bool
    /// How long to wait for the DataPlane to become Available.
    let patience: Duration

    static let manager = "squadron-join"

    public init(
        controlPlane: ControlPlaneReader, dataPlane: KubeClient, ca: [UInt8]?, screen: Screen, isDry: Bool,
        patience: Duration = .seconds(90)
    ) {
        self.controlPlane = controlPlane
        self.dataPlane = dataPlane
        self.ca = ca
        self.screen = screen
        self.isDry = isDry
        self.patience = patience
    }

    private struct Stop: Error {
        var message: String
        init(_ message: String) { self.message = message }
        init(_ error: KubeError, at place: String, _ advice: String = "") { message = "\(place): \(error)\(advice)" }
    }

    /// - Parameter rules: the ClusterRole's rules for the templates' kinds.
    public func carryOut(_ request: JoinRequest, rules: [JSON]) async -> Outcome {
        var made: [String] = []
        do {
            let plan = try await plan(request)
            if let refusal = plan.refusal { throw Stop(refusal) }
            for object in request.dataPlaneObjects(rules: rules) {
                try await apply(object, dataPlane, "the data plane", request, &made)
            }
            for (account, secret) in request.accounts {
                try await copyToken(of: account, to: secret, request, &made)
            }
            for object in request.controlPlaneObjects where object["kind"] != "ExecutionLabel" || !plan.hasLabel {
                try await apply(object, controlPlane.client, "the control plane", request, &made)
            }
            if isDry {
                say("nothing was stored (--dry-run)")
                return .done
            }
            return try await wait(for: request)
        } catch let stop as Stop {
            screen.note("squadron join: \(stop.message)")
        } catch {
            screen.note("squadron join: \(error)")
        }
        if !made.isEmpty, !isDry {
            screen.note(
                "so far this was made or changed: \(made.joined(separator: ", ")). Run the command again when the cause "
            )
            screen.note(
                "is mended: it goes on from there. To take it back, delete these (labels app.kubernetes.io/name=squadron)."
            )
        }
        return .failed
    }

    private func say(_ text: String) { screen.print(text) }

    private func plan(_ request: JoinRequest) async throws -> JoinPlan {
        let uid: String?
        do throws(KubeError) {
            uid = try await dataPlane.get(Namespace.self, name: "kube-system").metadata.uid
        } catch {
            throw Stop(error, at: "the data plane", MissingRule.advice(error, ["get"], Namespace.resourceType))
        }
        let objects: ControlPlaneObjects
        do throws(KubeError) {
            objects = try await controlPlane.objects(of: [.dataPlanes, .executionLabels])
        } catch {
            throw Stop(error, at: "the control plane", MissingRule.advice(error, ["list"], .dataPlanes))
        }
        do throws(KubeError) {
            var secrets: [String: DynamicObject?] = [:]
            for (_, name) in request.accounts { secrets[name] = .some(try await controlPlane.secret(name)) }
            return JoinPlan(request, objects, clusterUID: uid, secrets: secrets)
        } catch {
            throw Stop(error, at: "the control plane", MissingRule.advice(error, ["get"], Secret.resourceType))
        }
    }

    /// Applies an object by server-side apply. Fields that others set stay, and conflicts are reported.
    private func apply(
        _ object: JSON, _ client: KubeClient, _ place: String, _ request: JoinRequest, _ made: inout [String]
    ) async throws {
        guard let kind = object["kind"]?.string, let type = Self.types[kind],
            let name = object[path: ["metadata", "name"]]?.string
        else { return }
        let what = "\(kind) \(name)"
        do throws(KubeError) {
            try await client.apply(
                object, type: type, namespace: object[path: ["metadata", "namespace"]]?.string, name: name,
                fieldManager: Self.manager, force: false, isDryRun: isDry, metadataOnlyAnswer: true)
        } catch {
            // In a dry run the Namespace of the other objects does not exist.
            if isDry, error.isNotFound, kind != "Namespace" { return say("would make   \(what) in \(place)") }
            let other = "; \(what) exists with other rights or settings, and is left as it is"
            throw Stop(
                error, at: place,
                error.conflicts.isEmpty ? MissingRule.advice(error, ["create", "patch"], type) : other)
        }
        say("\(isDry ? "would apply " : "applied     ") \(what) in \(place)")
        // To delete the Namespace would delete all that runs in it, propeller for example.
        if kind != "Namespace" { made.append("\(what) (\(place))") }
    }

    static let types: [String: ResourceType] = {
        let rbac = "rbac.authorization.k8s.io"
        func type(_ kind: String, _ plural: String, _ isNamespaced: Bool) -> ResourceType {
            ResourceType(group: rbac, version: "v1", kind: kind, plural: plural, isNamespaced: isNamespaced)
        }
        return [
            "Namespace": Namespace.resourceType, "ServiceAccount": ServiceAccount.resourceType,
            "Secret": Secret.resourceType, "ClusterRole": type("ClusterRole", "clusterroles", false),
            "ClusterRoleBinding": type("ClusterRoleBinding", "clusterrolebindings", false),
            "Role": type("Role", "roles", true), "RoleBinding": type("RoleBinding", "rolebindings", true),
            "DataPlane": .dataPlanes, "ExecutionLabel": .executionLabels,
        ]
    }()

    // MARK: The token

    private func copyToken(
        of account: String, to secretName: String, _ request: JoinRequest, _ made: inout [String]
    ) async throws {
        let keys = [request.tokenKey] + (ca == nil ? [] : [request.caCertKey])
        let what =
            "token of \(account)\(ca == nil ? "" : " and CA") to Secret \(secretName), as \(keys.joined(separator: " and "))"
        if isDry { return say("would copy   \(what)") }
        let token: Sensitive
        do throws(KubeError) {
            token = try await self.token(of: account, in: request.namespace)
        } catch {
            throw Stop(error, at: "the data plane", MissingRule.advice(error, ["get"], Secret.resourceType))
        }
        var wanted = [request.tokenKey: token.withBytes { Base64.encode($0) }]
        if let ca { wanted[request.caCertKey] = Base64.encode(ca) }
        var entries = JoinEntries(request: request, secretName: secretName, wanted: wanted)
        do throws(KubeError) {
            try await SecretUpdate(controlPlane: controlPlane, name: secretName, manager: Self.manager).carryOut {
                entries.change($0)
            }
        } catch {
            throw Stop(
                error, at: "the control plane",
                MissingRule.advice(error, ["get", "create", "patch"], Secret.resourceType))
        }
        if entries.differs {
            say(
                "left         what Secret \(secretName) has of \(request.clusterName) already; take the keys away to have "
                    + "others")
        } else {
            say("copied       \(what)")
        }
        let names = entries.missing.joined(separator: ", ")
        made.append(names.isEmpty ? "annotations of Secret \(secretName)" : "keys \(names) of Secret \(secretName)")
    }

    /// The long-lived token in the account's Secret. If nothing fills that, a token of the TokenRequest API.
    private func token(of account: String, in namespace: String) async throws(KubeError) -> Sensitive {
        let (token, isFilled) = try await AccountTokens(client: dataPlane, namespace: namespace).token(
            of: account, secret: JoinRequest.tokenSecret(of: account))
        if !isFilled {
            screen.note(
                "note: nothing has filled the Secret \(JoinRequest.tokenSecret(of: account)), so the token is one that ends: "
                    + "the condition CredentialsValid says when")
        }
        return token
    }

    // MARK: The end

    private func wait(for request: JoinRequest) async throws -> Outcome {
        let clock = ContinuousClock()
        let end = clock.now + patience
        var shown = ""
        var advice: String?
        while clock.now < end {
            let object: JSON
            do throws(KubeError) {
                object = try await controlPlane.client.get(
                    .dataPlanes, namespace: controlPlane.namespace, name: request.name)
            } catch {
                throw Stop(error, at: "the control plane")
            }
            let conditions = (object[path: ["status", "conditions"]]?.array ?? []).compactMap(Condition.init(lenient:))
            let isCurrent =
                object[path: ["status", "observedGeneration"]]?.int == object[path: ["metadata", "generation"]]?.int
            if let available = conditions.first(where: { $0.type == ConditionType.available.rawValue }), isCurrent {
                let text = "\(available.reason): \(available.message)"
                if available.status == .isTrue {
                    say("available    \(request.name): \(available.message)")
                    sayWhatNext(request)
                    return .done
                }
                // The line is not repeated for each attempt that the message counts.
                if available.reason != shown { say("waiting      \(text)") }
                shown = available.reason
                advice = JoinAdvice.text(conditions, request)
            } else if shown.isEmpty {
                shown = "waiting"
                say("waiting      for the operator to look at DataPlane \(request.name)")
            }
            try await Task.sleep(for: .milliseconds(500))
        }
        screen.note(
            "squadron join: \(request.name) is not Available after \(patience.components.seconds) s. Everything is in place; "
                + (advice
                    ?? "its conditions say what is missing: kubectl -n \(request.namespace) describe dataplane \(request.name)")
        )
        return .failed
    }

    private func sayWhatNext(_ request: JoinRequest) {
        if request.mode == .observe {
            say(
                "next: look at status.plan of the DataPlane; then set spec.mode to Enforce, and squadron uncordon \(request.name)"
            )
        } else if request.label == nil {
            say("next: name \(request.clusterName) in an ExecutionLabel, so that executions can go there")
        } else {
            say("next: an ExecutionClusterLabel with the value \(request.label ?? "") sends executions there")
        }
    }
}
