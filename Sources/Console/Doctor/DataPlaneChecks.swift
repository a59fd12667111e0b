import Fleet
import JSON
import KubeObjects

/// Checks of the statuses, and of the data planes themselves.
enum DataPlaneChecks {
    /// How many objects of one kind are named.
    static let mostObjects = 50

    static func conditions(_ facts: DoctorFacts) -> Diagnosis {
        var diagnosis = Diagnosis()
        for type in ControlPlaneReader.kinds {
            if let why = facts.unlisted[type.kind] {
                diagnosis.fail(type.kind, why)
                continue
            }
            var rest = 0
            for object in facts.objects[type] {
                let state = FleetOverview.State(object)
                // A data plane that is disabled is so on purpose.
                if type == .dataPlanes, object.spec("enabled")?.bool == false || state.isReady { continue }
                if state.isReady { continue }
                if diagnosis.findings.count >= mostObjects {
                    rest += 1
                    continue
                }
                diagnosis.findings.append(finding(type.kind, state))
            }
            if rest > 0 {
                diagnosis.find(type.kind, "and \(rest) more are not Ready", do: "squadron status lists them")
            }
        }
        return diagnosis
    }

    private static func finding(_ kind: String, _ state: FleetOverview.State) -> Finding {
        let subject = "\(kind) \(state.name)"
        if state.isStale {
            return Finding(
                subject, "its status is of an older version of the object",
                do: "wait a moment; if it stays so, look whether an operator leads")
        }
        return Finding(subject, "\(state.reason): \(state.message)", do: ReasonAdvice.text(state.reason))
    }

    static func reach(_ facts: DoctorFacts) -> Diagnosis {
        if facts.enabledPlanes.isEmpty { return .skipped("there is no enabled DataPlane") }
        var diagnosis = Diagnosis()
        for (name, answers) in facts.dataPlanes.sorted(by: { $0.key < $1.key }) {
            guard let why = answers.unreachable else { continue }
            let condition = facts.planes.first { $0.metadata.name == name }?.status?.availability
            if let condition, condition.status == .isFalse {
                // The operator can't reach it either. So this is a finding, and the place from which the command runs
                // is not the cause.
                diagnosis.find(
                    "DataPlane \(name)",
                    "can't be used by the operator (\(condition.reason)) and can't be reached from here: \(why)",
                    do: ReasonAdvice.text(condition.reason))
            } else {
                diagnosis.fail("DataPlane \(name), from here", why)
            }
        }
        return diagnosis
    }

    static func endpoints(_ facts: DoctorFacts) -> Diagnosis {
        var diagnosis = Diagnosis()
        for problem in facts.objects.decoded(DataPlane.self).problems {
            diagnosis.find("DataPlane", problem, do: "correct the field")
        }
        for plane in facts.planes {
            for problem in plane.spec.problems() {
                diagnosis.find("DataPlane \(plane.metadata.name)", "\(problem)", do: "correct the field")
            }
        }
        let byEndpoint = Dictionary(grouping: facts.planes.filter { !$0.spec.inCluster }) { plane in
            let endpoint = (plane.spec.endpoint ?? "").lowercased()
            return endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint
        }
        for (endpoint, planes) in byEndpoint.sorted(by: { $0.key < $1.key }) where planes.count > 1 && !endpoint.isEmpty
        {
            let names = planes.map(\.metadata.name).sorted()
            diagnosis.find(
                "DataPlanes \(names.listed())", "have the same endpoint \(endpoint)",
                do: "one cluster is one DataPlane: delete the others, or correct their endpoints")
        }
        for (cluster, planes) in Dictionary(grouping: facts.planes, by: \.clusterName).sorted(by: { $0.key < $1.key })
        where planes.count > 1 {
            diagnosis.find(
                "DataPlanes \(planes.map(\.metadata.name).sorted().listed())", "have the same clusterName \(cluster)",
                do: "flyteadmin knows a cluster by one name: delete the others, or give them names of their own")
        }
        if facts.registry.publish?.clustersConfigMap != nil {
            for plane in facts.enabledPlanes {
                let connection = plane.spec.connection
                let what = [
                    connection.proxyURL.isEmpty ? nil : "proxyURL",
                    connection.tlsServerName.isEmpty ? nil : "tlsServerName",
                ].compactMap { $0 }
                guard !what.isEmpty, plane.spec.flyteAdmin?.endpoint?.isEmpty ?? true else { continue }
                diagnosis.find(
                    "DataPlane \(plane.metadata.name)",
                    "has \(what.joined(separator: " and ")), which flyteadmin does not have",
                    do: "set spec.flyteAdmin.endpoint to an address that flyteadmin reaches by itself")
            }
        }
        return diagnosis
    }

    static func expiry(_ facts: DoctorFacts) -> Diagnosis {
        var diagnosis = Diagnosis()
        for object in facts.objects[.dataPlanes] where object.spec("enabled")?.bool != false {
            guard let expiry = FleetOverview.Expiry(object, now: facts.now), expiry.isNear else { continue }
            let what = expiry.what == .token ? "its token" : "its CA certificate"
            let name = object.metadata.name
            diagnosis.find(
                "DataPlane \(name)", "\(what) ends \(Age.until(expiry.time, now: facts.now)) (\(expiry.time))",
                do: expiry.what == .token
                    ? "squadron rotate \(name), or provider: TokenRequest, which renews it"
                    : "put the cluster's new CA into its _cacert entry, beside the old one until that has ended")
        }
        return diagnosis
    }

    static func propeller(_ facts: DoctorFacts) -> Diagnosis {
        if facts.enabledPlanes.isEmpty { return .skipped("there is no enabled DataPlane") }
        let health = facts.registry.flyteHealth
        let install =
            "install the data plane part of Flyte's chart there, or set spec.flyteHealth of the registry to its place"
        var diagnosis = Diagnosis()
        var unseen: [String] = []
        var dead: [String] = []
        for plane in facts.enabledPlanes {
            let name = plane.metadata.name
            let subject = "DataPlane \(name)"
            // The operator looks with flyteadmin's own token.
            if let ready = plane.status?.conditions[.flyteReady], ready.status != .unknown {
                if ready.status == .isFalse {
                    diagnosis.find(subject, "\(ready.reason): \(ready.message)", do: ReasonAdvice.text(ready.reason))
                }
                continue
            }
            guard let answers = facts.dataPlanes[name] else { continue }
            if let why = answers.unreachable {
                // If the operator can't reach it either, the check `reach` has found that.
                if plane.status?.availability?.status == .isFalse {
                    dead.append(name)
                } else {
                    diagnosis.fail(subject, why)
                }
                continue
            }
            switch answers.propeller {
            case .absent:
                diagnosis.find(
                    subject, "has no Deployment \(health.deployment) in namespace \(health.namespace)", do: install)
            case .present(let json):
                let available = json[path: ["status", "availableReplicas"]]?.int ?? 0
                if available == 0 {
                    diagnosis.find(
                        subject, "no replica of \(health.deployment) is available",
                        do:
                            "look at its pods there: kubectl -n \(health.namespace) describe deploy \(health.deployment)"
                    )
                }
            case .unreadable: unseen.append(name)
            case .unasked: break
            }
            switch answers.servesFlyteWorkflows {
            case .present(false):
                diagnosis.find(subject, "does not serve flyteworkflows.flyte.lyft.com", do: install)
            case .unreadable(let why): diagnosis.fail(subject, why)
            case .present, .absent, .unasked: break
            }
        }
        // The account does not need this right for its work.
        if !unseen.isEmpty, diagnosis.findings.isEmpty {
            diagnosis.skipped =
                "the account of \(unseen.listed()) may not read Deployments; spec.flyteHealth.enabled has the operator look"
        } else if !dead.isEmpty {
            diagnosis.skipped = "\(dead.listed()) can't be reached"
        }
        return diagnosis
    }
}
