import KubeObjects

/// `spec.flyteHealth` of the ClusterRegistry: whether each DataPlane reports if a workflow would run there
/// (`FlyteReady`).
public struct FlyteHealthSettings: Sendable, Hashable, Codable {
    public static let defaultDeployment = "flytepropeller"

    public var enabled = false
    /// The namespace of propeller's Deployment in each data plane.
    public var namespace = "flyte"
    public var deployment = defaultDeployment

    public init() {}
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        enabled = try container.value(.enabled, default: false)
        namespace = try container.value(.namespace, default: "flyte")
        deployment = try container.value(.deployment, default: Self.defaultDeployment)
    }

    func problems(at path: String) -> [SpecProblem] {
        var problems: [SpecProblem] = []
        if let message = NameRules.problem(ofNamespace: namespace) {
            problems.append(SpecProblem(path + ".namespace", message))
        }
        if let message = NameRules.problem(ofDNSName: deployment) {
            problems.append(SpecProblem(path + ".deployment", message))
        }
        return problems
    }
}
