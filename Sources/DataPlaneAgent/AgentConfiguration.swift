import Fleet
import HTTP
import Kube
import KubeObjects
import Support

/// What an agent is about for its whole life.
package struct AgentSubject: Sendable, Hashable {
    /// The UID of the DataPlane object. A recreated object starts from zero.
    package var uid: String?
    /// The endpoint, since what was seen at one says nothing about another.
    package var endpoint: String
    /// If two DataPlanes turn out to be one cluster, the older one has it.
    package var seniority: Seniority

    package init(uid: String?, endpoint: String, seniority: Seniority) {
        self.uid = uid
        self.endpoint = endpoint
        self.seniority = seniority
    }
}

/// What an agent needs to know about its DataPlane. A new value replaces the old one while the agent runs.
package struct AgentConfiguration: Sendable, Hashable {
    /// The server and the connection to it. Nil while the credentials can't be used.
    package var link: LinkConfiguration?
    /// The source of the link's token, if the token renews itself. It also runs without a link, since the first token
    /// may have to come from it.
    package var source: SourceReference?
    /// The `kube-system` UID in the DataPlane's status, recorded for this `endpoint`.
    package var recordedUID: String?
    /// Whether the DataPlane's status has the version of Kubernetes.
    package var hasRecordedVersion = false
    /// What to find out about Flyte there. Nil for nothing.
    package var flyte: FlyteHealthQuestion?

    package init(link: LinkConfiguration? = nil, recordedUID: String? = nil) {
        self.link = link
        self.recordedUID = recordedUID
    }
}
