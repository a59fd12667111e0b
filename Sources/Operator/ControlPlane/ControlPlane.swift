import Kube
import Support

/// Finds the control plane: a kubeconfig that is named, the pod's ServiceAccount, or the user's own kubeconfig.
public enum ControlPlane {
    /// - Parameters:
    ///   - kubeconfig: the path of a file; nil if none is named.
    ///   - context: nil for the kubeconfig's current context.
    public static func endpoint(
        _ kubeconfig: String?, context: String?, environment: [String: String] = ProcessEnvironment.values(variables)
    ) throws(EndpointFailure) -> ClusterEndpoint {
        switch try EndpointSource.find(kubeconfig, context: context, environment: environment) {
        case .pod: return try InClusterConfiguration.endpoint(environment: environment)
        case .kubeconfig(let kubeconfig): return try kubeconfig.endpoint(context: context)
        }
    }

    public static let variables = EndpointSource.variables
}
