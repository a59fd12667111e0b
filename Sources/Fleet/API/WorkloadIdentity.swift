/// The annotation of the `default` ServiceAccount of a project-domain, so that its pods get a cloud role. The strings
/// may contain placeholders.
public struct WorkloadIdentity: Sendable, Hashable, Codable {
    public struct AWS: Sendable, Hashable, Codable {
        public var roleARN: String
        public init(roleARN: String) { self.roleARN = roleARN }
    }
    public struct GCP: Sendable, Hashable, Codable {
        public var serviceAccount: String
        public init(serviceAccount: String) { self.serviceAccount = serviceAccount }
    }
    public struct Azure: Sendable, Hashable, Codable {
        public var clientID: String
        public init(clientID: String) { self.clientID = clientID }
    }
    public var aws: AWS?
    public var gcp: GCP?
    public var azure: Azure?

    public init(aws: AWS? = nil, gcp: GCP? = nil, azure: Azure? = nil) {
        self.aws = aws
        self.gcp = gcp
        self.azure = azure
    }

    /// The annotation's key, and its text with placeholders. Nil if no provider is set.
    public var annotation: (key: String, text: String)? {
        if let aws { return ("eks.amazonaws.com/role-arn", aws.roleARN) }
        if let gcp { return ("iam.gke.io/gcp-service-account", gcp.serviceAccount) }
        if let azure { return ("azure.workload.identity/client-id", azure.clientID) }
        return nil
    }

    func problems(at path: String) -> [SpecProblem] {
        let texts = [
            ("aws.roleARN", aws?.roleARN), ("gcp.serviceAccount", gcp?.serviceAccount),
            ("azure.clientID", azure?.clientID),
        ]
        var problems = texts.filter { $0.1?.isEmpty == true }.map { SpecProblem("\(path).\($0.0)", "is empty") }
        if texts.count(where: { $0.1 != nil }) > 1 {
            problems.append(SpecProblem(path, "set at most one of aws, gcp and azure"))
        }
        return problems
    }
}
