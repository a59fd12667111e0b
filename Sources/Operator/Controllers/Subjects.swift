import DataPlaneAgent
import Fleet

extension AgentSubject {
    init(_ object: DataPlane) {
        self.init(
            uid: object.metadata.uid, endpoint: object.endpointDescription, seniority: Seniority(object.metadata))
    }
}
