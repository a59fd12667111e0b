import Fleet
import KubeObjects

/// What a probe asks beside whether the data plane answers and which one it is.
struct ProbeQuestions: Sendable {
    /// The rights to review, along with our user name. Nil: not asked. It is called when the answer has come, since the
    /// needed rights may have become known meanwhile.
    var permissions: (@Sendable () -> [Permission])?
    var asksVersion = false
    /// The group versions whose kinds to ask for.
    var apiVersions: Set<String> = []
}

/// One link to probe, and what to ask on it.
struct ProbeOrder: Sendable {
    var link: Link
    var asksPermissions: Bool
    var asksVersion: Bool
    var apiVersions: Set<String>
}

/// What one probe of a data plane found.
struct ProbeResult: Sendable {
    var answer: ProbeAnswer
    /// The UID of `kube-system`. Nil if it could not be read.
    var clusterUID: String?
    /// Only a full probe finds these.
    var kubernetesVersion: String?
    var identity: String?
    var authorization: DataPlaneFacts.Authorization?
    /// The rights that `authorization` is about.
    var reviewed: [Permission]?
    /// The server says that we may not read `kube-system`.
    var isClusterForbidden = false
    /// The kinds of each group version that was asked for. Empty if it is not served.
    var served: [String: [ResourceType]] = [:]
    /// Why there was no answer, for each group version that was asked for.
    var unanswered: [String: String] = [:]
    /// It still serves requests, but will end soon.
    var isShuttingDown = false

    init(_ answer: ProbeAnswer, _ clusterUID: String? = nil) {
        self.answer = answer
        self.clusterUID = clusterUID
    }
}
