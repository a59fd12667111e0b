/// Where the control plane is looked for: in a kubeconfig that the user names, in the pod's ServiceAccount, or in the
/// user's own kubeconfig.
public enum EndpointSource: Sendable {
    case pod
    case kubeconfig(Kubeconfig)

    /// The variables of the environment that decide.
    public static let variables = InClusterConfiguration.variables + ["KUBECONFIG", "HOME"]

    /// - Parameters:
    ///   - kubeconfig: a file's path. Nil if the user names none.
    ///   - context: nil for the kubeconfig's current one.
    public static func find(
        _ kubeconfig: String?, context: String?, environment: [String: String]
    ) throws(EndpointFailure) -> EndpointSource {
        if let kubeconfig { return .kubeconfig(try Kubeconfig.load([kubeconfig])) }
        if context == nil, InClusterConfiguration.isPresent(environment: environment) { return .pod }
        let files = Kubeconfig.defaultFiles(kubeconfig: environment["KUBECONFIG"], home: environment["HOME"])
        guard !files.isEmpty else {
            throw EndpointFailure(
                message: "no control plane: not in a pod, and neither --kubeconfig nor KUBECONFIG is set")
        }
        return .kubeconfig(try Kubeconfig.load(files))
    }

    /// The endpoint for a command that a person runs, with the credential plugins of the kubeconfig.
    public func endpoint(
        context: String?, environment: [String: String], plugins: ExecPlugins
    ) async throws(EndpointFailure) -> ClusterEndpoint {
        switch self {
        case .pod: try InClusterConfiguration.endpoint(environment: environment)
        case .kubeconfig(let kubeconfig): try await kubeconfig.endpoint(context: context, plugins: plugins)
        }
    }
}
