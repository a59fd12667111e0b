import Fleet
import KubeObjects

/// What is removed, in order, once flyteadmin reads nothing of a data plane any longer, and what stays.
struct Removal: Sendable {
    private(set) var steps: [(step: LeavePlan.Step, text: String)] = []
    private(set) var notes: [String] = []
    private let plane: DataPlane
    private let request: LeaveRequest
    /// Keys that something of flyteadmin's still names: without such a file it would not start.
    private var named: [String: [String]] = [:]

    init(_ plane: DataPlane, _ facts: LeaveFacts, _ request: LeaveRequest, _ planes: [DataPlane]) {
        (self.plane, self.request) = (plane, request)
        let used = planes.filter { $0.metadata.name != plane.metadata.name }.map(Self.entries)
        for secret in facts.secrets {
            let taken = used.reduce(into: Set<String>()) { $0.formUnion($1[secret.name] ?? []) }
            addKeys(of: secret, taken, facts.flyteAdmin)
        }
        addAccounts(facts.accounts)
        for object in facts.others { steps.append((.removeOther(object), "delete \(object) in the control plane")) }
    }

    /// The keys that a DataPlane, or flyteadmin for it, reads in each Secret.
    static func entries(of plane: DataPlane) -> [String: Set<String>] {
        guard !plane.spec.inCluster else { return [:] }
        var entries: [String: Set<String>] = [:]
        let own = plane.spec.credentials
        entries[own.secretName] = [plane.tokenKey, plane.caCertKey]
        let flyte = PublishedCredentials(of: plane)
        entries[PublishedCredentials.secretName, default: []].formUnion([flyte.tokenKey, flyte.caCertKey])
        return entries
    }

    private mutating func addKeys(of secret: SecretKeys, _ taken: Set<String>, _ flyte: FlyteAdminFacts) {
        let own = (Self.entries(of: plane)[secret.name] ?? []).intersection(secret.keys).subtracting(taken).sorted()
        let isRead = secret.name == PublishedCredentials.secretName
        var keys: [String] = []
        for key in own {
            // The cluster leaves our own file before this is done, but the rest of the file may name a certificate of
            // another cluster.
            let places = isRead ? flyte.files(naming: key).filter { !isLeft($0, flyte) }.map(\.place) : []
            if places.isEmpty { keys.append(key) } else { named[key] = places }
        }
        if let owner = secret.owner {
            if !own.isEmpty {
                notes.append("Secret \(secret.name) is kept by \(owner): take the keys \(own.listed()) out there")
            }
            return
        }
        for (key, places) in named.filter({ own.contains($0.key) }).sorted(by: { $0.key < $1.key }) {
            notes.append(
                "the key \(key) of Secret \(secret.name) stays, for \(places.listed()) names it, and without it flyteadmin "
                    + "would not start. Take it out there, restart what reads it, and then: kubectl -n \(request.namespace) "
                    + "patch secret \(secret.name) --type merge -p '{\"data\": {\"\(key)\": null}}'")
        }
        let isEmptied = keys.count == own.count
        let prefixes = [AllowedHosts.annotation, SecretContent.prefix + "audiences"]
        let annotations =
            isEmptied
            ? prefixes.map { "\($0).\(plane.clusterName)" }.filter(secret.annotations.contains) : []
        guard !keys.isEmpty || !annotations.isEmpty else { return }
        let what = keys.isEmpty ? "annotations of" : "keys \(keys.listed()) of"
        steps.append(
            (.removeKeys(of: secret, keys: keys, annotations: annotations), "remove the \(what) Secret \(secret.name)"))
    }

    /// Whether the file is Squadron's own, which names the cluster only until it is unpublished.
    private func isLeft(_ file: FlyteAdminFacts.File, _ flyte: FlyteAdminFacts) -> Bool {
        guard flyte.isKept, file.map == flyte.target?.name, file.key == flyte.target?.key else { return false }
        return file.configuration.clusters.contains { $0.name == plane.clusterName }
    }

    private mutating func addAccounts(_ accounts: [JoinedObject]?) {
        guard !request.keepsAccount else { return }
        guard let accounts else {
            notes.append("what join made in the data plane stays: name its context by --cluster-context to delete it")
            return
        }
        if !named.isEmpty, !accounts.isEmpty {
            notes.append("the accounts in the data plane stay while flyteadmin may work with them")
            return
        }
        // Rights first, then tokens, then accounts.
        let order = ["ClusterRoleBinding", "RoleBinding", "ClusterRole", "Role", "Secret", "ServiceAccount"]
        for kind in order {
            for object in accounts.filter({ $0.type.kind == kind }).sorted(by: { $0.name < $1.name }) {
                if object.others.isEmpty {
                    steps.append((.removeAccount(object), "delete \(object) in the data plane"))
                } else {
                    notes.append(
                        "\(object) in the data plane stays, for \(object.others.sorted().listed()) wrote it too")
                }
            }
        }
    }
}
