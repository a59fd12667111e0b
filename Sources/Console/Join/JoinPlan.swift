import Fleet
import JSON
import KubeObjects

/// Whether the data plane of a request can be joined, by the control plane's objects.
public struct JoinPlan: Sendable {
    public let request: JoinRequest
    /// Why nothing is done.
    public let refusal: String?
    /// Whether the ExecutionLabel exists already, as it is wanted.
    public let hasLabel: Bool

    /// - Parameters:
    /// - clusterUID: of the cluster that the context reaches. Nil if it was not asked.
    /// - secrets: the Secrets that get tokens, by name. Nil for one that does not exist.
    public init(
        _ request: JoinRequest, _ objects: ControlPlaneObjects, clusterUID: String?, secrets: [String: DynamicObject?]
    ) {
        self.request = request
        let label = Self.label(request, objects)
        hasLabel = label.isThere
        refusal =
            request.problem ?? Self.duplicate(request, objects, clusterUID) ?? label.refusal
            ?? Self.secret(request, secrets)
    }

    /// Finds the same cluster under another name, or the name used for another cluster.
    private static func duplicate(
        _ request: JoinRequest, _ objects: ControlPlaneObjects, _ clusterUID: String?
    ) -> String? {
        for object in objects[.dataPlanes] {
            let name = object.metadata.name
            let cluster = object.spec("clusterName")?.string ?? name
            let uid = object.status("clusterUID")?.string
            if name != request.name {
                if let uid, uid == clusterUID {
                    return
                        "the context reaches the cluster that DataPlane \(name) is already (the same kube-system UID)"
                }
                if uid == nil, object.spec("endpoint")?.string == request.endpoint {
                    return "DataPlane \(name) has the endpoint \(request.endpoint) already"
                }
                if cluster == request.clusterName { return "DataPlane \(name) has the cluster name \(cluster) already" }
                continue
            }
            if object.metadata.annotations?[DataPlane.leavingAnnotation] == "true" {
                return "DataPlane \(name) is leaving: let squadron leave \(name) end first"
            }
            if cluster != request.clusterName {
                return "DataPlane \(name) exists with the cluster name \(cluster), which can't be changed"
            }
            if let uid, let clusterUID, uid != clusterUID {
                return "DataPlane \(name) is another cluster than the context reaches (another kube-system UID)"
            }
        }
        return nil
    }

    private static func label(
        _ request: JoinRequest, _ objects: ControlPlaneObjects
    ) -> (isThere: Bool, refusal: String?) {
        guard let label = request.label else { return (false, nil) }
        for object in objects[.executionLabels] {
            guard (object.spec("label")?.string ?? object.metadata.name) == label else { continue }
            let clusters = (object.spec("clusters")?.array ?? []).compactMap { $0["name"]?.string }
            if clusters == [request.clusterName] { return (true, nil) }
            // On a second run somebody may have added other clusters meanwhile.
            let advice =
                clusters.contains(request.clusterName)
                ? "\(request.clusterName) is in it already, so leave --label out"
                : "add \(request.clusterName) and the weights there yourself"
            let all = clusters.joined(separator: ", ")
            return (true, "ExecutionLabel \(object.metadata.name) has the label \(label) with \(all): \(advice)")
        }
        let name = JoinRequest.objectName(of: label)
        if objects[.executionLabels].contains(where: { $0.metadata.name == name }) {
            return (false, "there is an ExecutionLabel \(name) with another label")
        }
        return (false, nil)
    }

    /// If another controller keeps the Secret, it would remove what is written here.
    private static func secret(_ request: JoinRequest, _ secrets: [String: DynamicObject?]) -> String? {
        for (name, secret) in secrets.sorted(by: { $0.key < $1.key }) {
            let owners = secret?.json[path: ["metadata", "ownerReferences"]]?.array ?? []
            guard let owner = owners.first else { continue }
            let kept = "\(owner["kind"]?.string ?? "") \(owner["name"]?.string ?? "")"
            return
                "Secret \(name) is kept by \(kept): let it have the keys \(request.tokenKey) (the token of the account) and "
                + "\(request.caCertKey) (the cluster's CA), and the annotation \(request.hostsAnnotation.key): "
                + "\"\(request.hostsAnnotation.value)\""
        }
        return nil
    }
}
