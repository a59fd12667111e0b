import Fleet
import JSON
import KubeObjects

/// Checks of what flyteadmin needs, and of parts of Flyte's chart that get in the way.
enum FlyteChecks {
    static func api(_ facts: DoctorFacts) -> Diagnosis {
        guard let settings = facts.registry.flyteAdmin else { return .skipped("the registry has no flyteAdmin") }
        var diagnosis = Diagnosis()
        let subject = "flyteadmin at \(settings.endpoint)"
        switch facts.flyteAdmin {
        case .notConfigured, .answered: break
        case .notAsked(let why): diagnosis.fail(subject, why)
        case .notAllowed(let why):
            diagnosis.find(
                subject, why,
                do: "label the Secret \(SecretUse.label): flyteadmin, and name the hosts in its annotation "
                    + AllowedHosts.annotation)
        case .failed(let why):
            // flyteadmin may be out of reach from here although the operator reaches it. So flyteadmin's own answer
            // decides.
            if why.contains("invalid audience") {
                diagnosis.find(
                    subject, why, do: "give tokenURL and endpoint the same host, one of flyteadmin's authorizedUris")
            } else if why.contains("invalid_client") || why.contains("401") || why.contains("UNAUTHENTICATED") {
                diagnosis.find(subject, why, do: "see to the client's id, secret and scopes, or to the token")
            } else if !settings.endpoint.isInClusterAddress {
                diagnosis.find(subject, why, do: "look at the endpoint, its CA and the way there")
            } else {
                diagnosis.fail(
                    subject, "its address is good within the cluster only, and was not reached from here: \(why)")
            }
        }
        if let noted = notedEndpoint(facts), noted != settings.endpoint {
            diagnosis.find(
                subject, "the notes of published rows are about \(noted)",
                do:
                    "nothing if both are the same flyteadmin: rows that still are as noted stay ours. For another one, "
                    + "its old rows stay: delete them with flytectl")
        }
        return diagnosis
    }

    private static func notedEndpoint(_ facts: DoctorFacts) -> String? {
        facts.configMaps[PublishedRows.configMapName]?.value?[path: ["data", PublishedRows.dataKey]]?.string
            .flatMap { PublishedRows(text: $0)?.endpoint }
    }

    static func deployment(_ facts: DoctorFacts) -> Diagnosis {
        var diagnosis = Diagnosis()
        let isNeeded = facts.registry.publish?.restart.isEmpty == false
        for name in DoctorFacts.workloads(facts.registry) {
            switch facts.deployments[name] ?? .unasked {
            case .unreadable(let why): diagnosis.fail("Deployment \(name)", why)
            case .absent where isNeeded:
                diagnosis.find(
                    "Deployment \(name)", "is not there, and publish.restart names it",
                    do: "correct the name, or leave restart out")
            case .present(let json):
                let wanted = json[path: ["spec", "replicas"]]?.int ?? 1
                let available = json[path: ["status", "availableReplicas"]]?.int ?? 0
                if wanted > 0, available == 0 {
                    diagnosis.find(
                        "Deployment \(name)", "none of its replicas is available",
                        do:
                            "look at its pods: kubectl -n \(facts.objects.namespace) describe deploy \(name), and the logs of "
                            + "its init containers")
                }
            case .absent: diagnosis.skipped = "there is no Deployment \(name), and publish.restart names none"
            case .unasked: break
            }
        }
        return diagnosis
    }

    static func mounts(_ facts: DoctorFacts) -> Diagnosis {
        guard let publish = facts.registry.publish, let reference = publish.clustersConfigMap else {
            return .skipped("the registry publishes nothing")
        }
        let needsCredentials = facts.planes.contains { !$0.spec.inCluster }
        let there = DoctorFacts.workloads(facts.registry).filter { facts.deployments[$0]?.value != nil }
        if there.isEmpty { return .skipped("no Deployment of flyteadmin's could be looked at") }
        var diagnosis = Diagnosis()
        for name in there {
            guard let json = facts.deployments[name]?.value else { continue }
            let pod = PodMounts(json[path: ["spec", "template", "spec"]] ?? [:])
            for container in pod.readers {
                let subject = "Deployment \(name), container \(container.name)"
                if needsCredentials,
                    !pod.mounts(secret: DoctorFacts.credentials, at: publish.credentialsPath, in: container)
                {
                    diagnosis.find(
                        subject,
                        "does not have the Secret \(DoctorFacts.credentials) at \(publish.credentialsPath): flyteadmin "
                            + "would not start with what is published",
                        do:
                            "mount it there (flyteadmin.additionalVolumes and additionalVolumeMounts of Flyte's chart), or set "
                            + "publish.credentialsPath")
                }
                if !pod.mounts(configMap: reference.name, key: reference.key, in: container) {
                    diagnosis.find(
                        subject,
                        "does not have the key \(reference.key) of the ConfigMap \(reference.name) in its folder",
                        do: "mount the whole ConfigMap where --config looks, or name one that is mounted in "
                            + "publish.clustersConfigMap")
                }
            }
        }
        return diagnosis
    }

    static func initContainer(_ facts: DoctorFacts) -> Diagnosis {
        var diagnosis = Diagnosis()
        let dead = facts.deadClusters
        for name in DoctorFacts.workloads(facts.registry) {
            if let why = facts.deployments[name]?.obstacle { diagnosis.fail("Deployment \(name)", why) }
            guard let json = facts.deployments[name]?.value else { continue }
            guard let deployment = try? Deployment(json: json), let why = RolloutPlan.hold(name, deployment, dead)
            else {
                continue
            }
            diagnosis.find(
                "Deployment \(name)", "don't restart it now: \(why)", do: "mend or cordon \(dead.listed()) first")
        }
        return diagnosis
    }

    static func clustersConfiguration(_ facts: DoctorFacts) -> Diagnosis {
        guard let reference = facts.registry.publish?.clustersConfigMap else {
            return .skipped("the registry publishes nothing")
        }
        var diagnosis = Diagnosis()
        let subject = "ConfigMap \(reference.name)"
        switch facts.configMaps[reference.name] ?? .unasked {
        case .unasked: break
        case .unreadable(let why): diagnosis.fail(subject, why)
        case .absent where facts.registry.mode == .observe: break
        case .absent:
            diagnosis.find(subject, "is not there yet", do: "look at the registry's condition Published")
        case .present(let json):
            if !reference.key.hasSuffix(".yaml") {
                diagnosis.find(
                    subject, "flyteadmin reads the keys that end in .yaml alone, and ours is \(reference.key)",
                    do: "give publish.clustersConfigMap another key")
            }
            guard let map = try? ConfigMap(json: json) else { break }
            guard let text = map.data[reference.key] else {
                if facts.registry.mode == .enforce {
                    diagnosis.find(
                        subject, "has no key \(reference.key)", do: "look at the registry's condition Published")
                }
                break
            }
            guard let ours = ClustersConfiguration(yaml: text) else {
                diagnosis.find(
                    subject, "the key \(reference.key) does not hold a clusters configuration",
                    do: "delete the key: Squadron writes it again")
                break
            }
            let beside = BesideOurs(map, key: reference.key, ours: ours)
            if !beside.later.isEmpty {
                diagnosis.find(
                    subject,
                    "the keys \(beside.later.listed()) come after \(reference.key) and override it in flyteadmin",
                    do: "give ours a later name (publish.clustersConfigMap.key), or take theirs away")
            }
            for (label, key) in beside.labels.sorted(by: { $0.key < $1.key }) {
                diagnosis.find(
                    subject, "the label \(label) is in the key \(key) alone, and stays in force in flyteadmin",
                    do: "make an ExecutionLabel for it, or take it out of configmap.clusters in Helm's values")
            }
        }
        return diagnosis
    }

    static func helm(_ facts: DoctorFacts) -> Diagnosis {
        var diagnosis = Diagnosis()
        let reference = facts.registry.publish?.clustersConfigMap
        for (name, seen) in facts.configMaps.sorted(by: { $0.key < $1.key }) {
            guard name == reference?.name || name == Publish.defaultConfigMap else { continue }
            if let why = seen.obstacle { diagnosis.fail("ConfigMap \(name)", why) }
            guard let json = seen.value else { continue }
            let data = json["data"]?.object ?? [:]
            if data[Publish.helmsKey] != nil, Self.isOurs(Publish.helmsKey, json), json.isOfHelm {
                diagnosis.find(
                    "ConfigMap \(name)",
                    "Squadron owns Helm's key \(Publish.helmsKey): the next upgrade by Helm 4 fails",
                    do: "set publish.clustersConfigMap.key to \(Publish.defaultKey), and give the key back: "
                        + "helm upgrade --force-conflicts once")
            }
            for key in data.keys.sorted() where key != Publish.helmsKey && Self.isOurs(key, json) {
                guard key != reference?.key || name != reference?.name else { continue }
                diagnosis.find(
                    "ConfigMap \(name)",
                    "the key \(key) is left over: Squadron wrote it, and no longer publishes there",
                    do: "when Helm's values have your clusters: kubectl -n \(facts.objects.namespace) patch cm \(name) "
                        + "--type=json -p '[{\"op\": \"remove\", \"path\": \"/data/\(key)\"}]'")
            }
        }
        return diagnosis
    }

    /// Whether our field manager owns the key.
    private static func isOurs(_ key: String, _ map: JSON) -> Bool {
        (map[path: ["metadata", "managedFields"]]?.array ?? []).contains { entry in
            entry["manager"]?.string == Ownership.managedBy && entry[path: ["fieldsV1", "f:data", "f:\(key)"]] != nil
        }
    }

    static func syncResources(_ facts: DoctorFacts) -> Diagnosis {
        let name = DoctorFacts.syncResources
        var diagnosis = Diagnosis()
        switch facts.deployments[name] ?? .unasked {
        case .absent, .unasked: break
        case .unreadable(let why): diagnosis.fail("Deployment \(name)", why)
        case .present(let json):
            guard json[path: ["spec", "replicas"]]?.int ?? 1 > 0 else { break }
            let writing = facts.enabledPlanes.filter { ($0.spec.mode ?? facts.registry.mode) == .enforce }
            guard !writing.isEmpty else { return .skipped("it runs, and Squadron only observes") }
            diagnosis.find(
                "Deployment \(name)",
                "still runs, and Squadron writes into \(writing.map(\.metadata.name).listed()) too",
                do: "kubectl -n \(facts.objects.namespace) scale deploy \(name) --replicas=0, then "
                    + "cluster_resource_manager.enabled: false in Helm's values (copy clusterresource-template before)")
        }
        return diagnosis
    }
}

extension JSON {
    fileprivate var isOfHelm: Bool {
        let labels = self[path: ["metadata", "labels", "app.kubernetes.io/managed-by"]]?.string
        return labels == "Helm" || self[path: ["metadata", "annotations", "meta.helm.sh/release-name"]] != nil
    }
}

extension String {
    /// Whether only a cluster's own DNS resolves the host.
    fileprivate var isInClusterAddress: Bool {
        let parts = split(separator: "/", omittingEmptySubsequences: false)
        let host = parts.count > 2 ? parts[2].prefix { $0 != ":" } : ""
        return host.hasSuffix(".svc") || host.hasSuffix(".svc.cluster.local")
            || (!host.contains(".") && host != "localhost")
    }
}
