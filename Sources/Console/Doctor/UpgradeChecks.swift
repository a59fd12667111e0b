import Fleet
import JSON
import KubeObjects

/// What an upgrade from 0.1 would cut off. These are this version's own rules, so the check finds it while 0.1 still
/// runs.
enum UpgradeChecks {
    static func secrets(_ facts: DoctorFacts) -> Diagnosis {
        var diagnosis = Diagnosis()
        var unread: Set<String> = []
        func content(_ name: String) -> SecretContent? {
            switch facts.secrets[name] ?? .unasked {
            case .present(let content): return content
            case .unreadable(let why):
                if unread.insert(name).inserted { diagnosis.fail("Secret \(name)", why) }
            case .absent, .unasked: break
            }
            return nil
        }
        for plane in facts.enabledPlanes where !plane.spec.inCluster {
            let place = plane.credentialsPlace
            guard place.provider.hasFirstToken, let secret = content(place.secretName) else { continue }
            guard case .invalid(let reason, let message) = CheckedCredentials.read(place, in: secret, now: facts.now)
            else {
                continue
            }
            diagnosis.find(
                "DataPlane \(plane.metadata.name)", "\(reason.rawValue): \(message)",
                do: ReasonAdvice.text(reason.rawValue))
        }
        for plane in facts.enabledPlanes {
            guard let reference = plane.spec.connection.proxyCredentialsRef, let secret = content(reference.name) else {
                continue
            }
            if case .failure(let problem) = ProxyCredentials.read(
                reference, in: secret, for: plane.spec.connection.proxyURL)
            {
                diagnosis.find(
                    "DataPlane \(plane.metadata.name)", problem.message, do: ReasonAdvice.text(problem.reason.rawValue))
            }
        }
        for (owner, sources) in valueSources(facts) {
            for source in sources {
                guard let reference = source.secretKeyRef else { continue }
                let secret = content(reference.name)
                guard let problem = SecretRules.problem(secret, named: reference.name, as: .values) else { continue }
                diagnosis.find(
                    owner, "valuesFrom \(source.name): \(problem)",
                    do:
                        "kubectl -n \(facts.objects.namespace) label secret \(reference.name) \(SecretUse.label)=values, if it "
                        + "holds no data plane's credentials")
            }
        }
        for name in Set(facts.registry.replicateSecrets.map(\.name)).subtracting([""]).sorted() {
            guard let problem = SecretRules.problem(content(name), named: name, as: .replicate) else { continue }
            diagnosis.find(
                "ClusterRegistry flyte", "replicateSecrets: \(problem)",
                do:
                    "give it the label \(SecretUse.label)=replicate, if every project may have it, or take its name out "
                    + "of spec.replicateSecrets")
        }
        return diagnosis
    }

    private static func valueSources(_ facts: DoctorFacts) -> [(owner: String, sources: [ValueSource])] {
        [("ClusterRegistry flyte", facts.registry.valuesFrom)]
            + facts.projects.map { ("FlyteProject \($0.metadata.name)", $0.spec.valuesFrom) }
            + facts.planes.map { ("DataPlane \($0.metadata.name)", $0.spec.valuesFrom) }
    }

    static func objects(_ facts: DoctorFacts) -> Diagnosis {
        var diagnosis = Diagnosis()
        findSharedCAs(facts, &diagnosis)
        let domains = Set(facts.registry.domains)
        for project in facts.projects {
            let subject = "FlyteProject \(project.metadata.name)"
            let unknown = (project.spec.domains ?? []).filter { !domains.contains($0) }
            if !unknown.isEmpty {
                diagnosis.find(
                    subject, "has domains that the registry does not list: \(unknown.listed())",
                    do: ReasonAdvice.domains)
            }
            let locked = project.spec.sets(facts.registry.lockedValues)
            if !locked.isEmpty {
                diagnosis.find(
                    subject, "sets values that the registry locks, so that they are ignored: \(locked.listed())",
                    do: "take them out, or unlock them in spec.lockedValues of the registry")
            }
            if project.spec.project != project.metadata.name {
                diagnosis.find(
                    subject, "its project is \(project.spec.project): it must be the object's name",
                    do: "make an object named as the project")
            }
        }
        for assignment in facts.objects.decoded(ExecutionClusterLabel.self).objects {
            guard let domain = assignment.spec.projectDomain?.domain, !domains.contains(domain) else { continue }
            diagnosis.find(
                "ExecutionClusterLabel \(assignment.metadata.name)", "its domain \(domain) is not among the registry's",
                do: ReasonAdvice.domains)
        }
        return diagnosis
    }

    /// 0.1 allowed several clusters to name one CA.
    private static func findSharedCAs(_ facts: DoctorFacts, _ diagnosis: inout Diagnosis) {
        let named = facts.planes.filter { !$0.spec.inCluster && $0.spec.credentials.caCert == .secret }
        let byCA = Dictionary(grouping: named) { "\($0.spec.credentials.secretName), key \($0.caCertKey)" }
        for (place, planes) in byCA.sorted(by: { $0.key < $1.key }) where planes.count > 1 {
            diagnosis.find(
                "DataPlanes \(planes.map(\.metadata.name).sorted().listed())", "share a CA: Secret \(place)",
                do: "give each cluster an entry x_cacert of its own, beside its x_token; the text may be the same")
        }
    }
}
