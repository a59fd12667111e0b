import Fleet
import JSON
import KubeObjects

/// The entries of one cluster that `join` writes into a Secret of the control plane. Existing entries of the cluster
/// stay.
struct JoinEntries: Sendable {
    let request: JoinRequest
    let secretName: String
    /// In base64.
    let wanted: [String: String]
    /// As of the version of the Secret that was read last.
    private(set) var differs = false
    private(set) var missing: [String] = []

    init(request: JoinRequest, secretName: String, wanted: [String: String]) {
        (self.request, self.secretName, self.wanted) = (request, secretName, wanted)
    }

    mutating func change(_ before: DynamicObject?) -> SecretUpdate.Change {
        let hosts = request.hostsAnnotation
        guard let before else {
            (differs, missing) = (false, wanted.keys.sorted())
            var metadata: JSON = ["annotations": [hosts.key: .string(hosts.value)]]
            if request.usesSystemRoots, secretName == request.secretName {
                metadata = request.controlPlaneMetadata(secretName)
                metadata[path: ["annotations", hosts.key]] = .string(hosts.value)
            }
            return .create(["metadata": metadata, "data": .object(wanted.mapValues { .string($0) })])
        }
        let there = before.json["data"]?.object ?? [:]
        let kept = wanted.filter { there[$0.key]?.string.map { !$0.isEmpty } ?? false }
        differs = kept.contains { there[$0.key]?.string != $0.value }
        missing = wanted.keys.filter { kept[$0] == nil }.sorted()
        let hasHosts = before.metadata.annotations?[hosts.key] == hosts.value
        if missing.isEmpty, hasHosts { return .nothing }
        var change: JSON = ["metadata": ["annotations": [hosts.key: .string(hosts.value)]]]
        for key in missing { change[path: ["data", key]] = wanted[key].map { .string($0) } }
        return .patch(change)
    }
}

/// What to do about a DataPlane that does not become Available.
enum JoinAdvice {
    /// Nil if the conditions say it all.
    static func text(_ conditions: [Condition], _ request: JoinRequest) -> String? {
        guard let reachable = conditions[.reachable], reachable.status == .isFalse else { return nil }
        return
            "the operator can't reach \(request.endpoint) (\(reachable.reason): \(reachable.message)). That is where you reach "
            + "the cluster: run this again with --endpoint and an address that the operator's pod reaches"
    }
}
