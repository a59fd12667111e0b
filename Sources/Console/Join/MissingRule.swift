import Fleet
import Kube
import KubeObjects

/// The right that a user lacks, in the words of a Role.
enum MissingRule {
    /// Empty for an error that is not about rights.
    static func advice(_ error: KubeError, _ verbs: [String], _ type: ResourceType, subresource: String? = nil)
        -> String
    {
        guard error.isForbidden, !error.isNamespaceTerminating else { return "" }
        if error.detail.contains("attempting to grant RBAC permissions not currently held") {
            return
                "; an account that grants rights needs them too, or the verbs escalate and bind: run this as an administrator of that cluster"
        }
        let resource = type.plural + (subresource.map { "/" + $0 } ?? "")
        let place = type.isNamespaced ? "a Role or ClusterRole" : "a ClusterRole"
        return "; the missing rule, of \(place): {apiGroups: [\"\(type.group)\"], resources: [\(resource)], "
            + "verbs: [\(verbs.joined(separator: ", "))]}"
    }
}
