import KubeObjects

/// Which DataPlane owns which Flyte cluster id, and which cluster. Of several that claim one, the oldest object owns
/// it.
///
/// It is a value that is kept in step with the objects. A question costs as much as there are objects with the same
/// claim.
public struct ClusterClaims: Sendable {
    public struct Claim: Sendable, Hashable {
        public var seniority: Seniority
        /// Flyte's cluster id.
        public var clusterName: String
        public var endpoint: String
        public var isEnabled: Bool
        /// The UID of the cluster's `kube-system`. Nil while it is not known.
        public var uid: String?

        public init(_ object: DataPlane, uid: String?) {
            seniority = Seniority(object.metadata)
            clusterName = object.clusterName
            endpoint = object.endpointDescription
            isEnabled = object.spec.enabled
            self.uid = uid
        }
    }
    private var claims: [String: Claim] = [:]
    private var ofClusterName: [String: Set<String>] = [:]
    private var ofUID: [String: Set<String>] = [:]
    private var ofEndpoint: [String: Set<String>] = [:]

    public init() {}

    /// Sets the present claim of a DataPlane. Nil removes it.
    /// - Returns: the other DataPlanes whose message may have changed.
    @discardableResult
    public mutating func set(_ name: String, _ claim: Claim?) -> Set<String> {
        let before = claims[name]
        guard before != claim else { return [] }
        var others = neighbours(of: name)
        if let before {
            ofClusterName[before.clusterName]?.remove(name)
            ofEndpoint[before.endpoint]?.remove(name)
            if let uid = before.uid { ofUID[uid]?.remove(name) }
        }
        claims[name] = claim
        if let claim {
            ofClusterName[claim.clusterName, default: []].insert(name)
            ofEndpoint[claim.endpoint, default: []].insert(name)
            if let uid = claim.uid { ofUID[uid, default: []].insert(name) }
        }
        others.formUnion(neighbours(of: name))
        others.remove(name)
        return others
    }

    /// The message for a DataPlane that is held back for an older one. Nil if it owns what it claims.
    public func message(of name: String) -> String? {
        guard let claim = claims[name] else { return nil }
        if let owner = oldest(ofClusterName[claim.clusterName]), owner != name {
            return "DataPlane \(owner) is older and has the clusterName \(claim.clusterName) already"
        }
        guard claim.isEnabled, let uid = uid(of: claim) else { return nil }
        let rivals = members(ofCluster: uid).filter { other in
            claims[other].map { $0.isEnabled && oldest(ofClusterName[$0.clusterName]) == other } ?? false
        }
        guard let owner = oldest(rivals), owner != name else { return nil }
        return "DataPlane \(owner) is older and is the same cluster (kube-system's UID is \(uid))"
    }

    /// A server that has not answered yet counts as the cluster that answers others at the same endpoint. So the newer
    /// of two does not get to write only because it was first.
    private func uid(of claim: Claim) -> String? {
        if let uid = claim.uid { return uid }
        let known = (ofEndpoint[claim.endpoint] ?? []).filter { claims[$0]?.uid != nil }
        return oldest(known).flatMap { claims[$0]?.uid }
    }

    private func members(ofCluster uid: String) -> Set<String> {
        let known = ofUID[uid] ?? []
        return known.reduce(into: known) { members, name in
            guard let endpoint = claims[name]?.endpoint else { return }
            for other in ofEndpoint[endpoint] ?? [] where claims[other]?.uid == nil { members.insert(other) }
        }
    }

    /// All DataPlanes that are connected to this one by a clusterName, an endpoint or a cluster, since the message of
    /// one can change the message of the next. If no two DataPlanes claim the same, it is only this one.
    private func neighbours(of name: String) -> Set<String> {
        var found: Set<String> = []
        var rest = [name]
        while let next = rest.popLast() {
            guard let claim = claims[next], found.insert(next).inserted else { continue }
            rest += ofClusterName[claim.clusterName] ?? []
            rest += ofEndpoint[claim.endpoint] ?? []
            if let uid = claim.uid { rest += ofUID[uid] ?? [] }
        }
        return found
    }

    private func oldest(_ names: Set<String>?) -> String? {
        names?.compactMap { claims[$0]?.seniority }.min()?.name
    }
}
