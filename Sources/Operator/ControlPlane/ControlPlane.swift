import Kube

/// Where the control plane is: a kubeconfig that is named, or the pod's ServiceAccount, or the user's own kubeconfig.
public enum ControlPlane {
    public static func endpoint(_ kubeconfig: String?, context: String?) throws(EndpointFailure) -> ClusterEndpoint {
        if let kubeconfig { return try Kubeconfig.load([kubeconfig]).endpoint(context: context) }
        let environment = InClusterConfiguration.environment()
        if InClusterConfiguration.isPresent(environment: environment) {
            return try InClusterConfiguration.endpoint(environment: environment)
        }
        let files = environment["KUBECONFIG"].flatMap { $0.isEmpty ? nil : $0.split(separator: ":").map(String.init) }
        guard let files = files ?? environment["HOME"].map({ ["\($0)/.kube/config"] }) else {
            throw EndpointFailure(message: "no control plane: not in a pod, and neither --kubeconfig nor KUBECONFIG is set")
        }
        return try Kubeconfig.load(files).endpoint(context: context)
    }
}
