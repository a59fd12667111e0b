import Kube
import Support

/// Where the control plane is: a kubeconfig that is named, or the pod's ServiceAccount, or the user's own kubeconfig.
public enum ControlPlane {
    /// - Parameters:
    ///   - kubeconfig: a file's path; nil where none is named.
    ///   - context: nil for the kubeconfig's current one.
    public static func endpoint(
        _ kubeconfig: String?, context: String?, environment: [String: String] = ProcessEnvironment.values(variables)
    ) throws(EndpointFailure) -> ClusterEndpoint {
        if let kubeconfig { return try Kubeconfig.load([kubeconfig]).endpoint(context: context) }
        if context == nil, InClusterConfiguration.isPresent(environment: environment) {
            return try InClusterConfiguration.endpoint(environment: environment)
        }
        let files = Kubeconfig.defaultFiles(kubeconfig: environment["KUBECONFIG"], home: environment["HOME"])
        guard !files.isEmpty else {
            throw EndpointFailure(
                message: "no control plane: not in a pod, and neither --kubeconfig nor KUBECONFIG is set")
        }
        return try Kubeconfig.load(files).endpoint(context: context)
    }

    public static let variables = InClusterConfiguration.variables + ["KUBECONFIG", "HOME"]
}
