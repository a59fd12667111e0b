import KubeObjects
import Testing

@testable import Fleet

@Suite("The recorded cluster")
struct RecordedClusterTests {
    private func dataPlane(note: String?, status: (uid: String, endpoint: String)? = nil) -> DataPlane {
        var object = DataPlane(metadata: ObjectMeta(name: "dp"), spec: DataPlaneSpec())
        object.spec.endpoint = "https://dp:443"
        object.metadata.annotations = note.map { [RecordedCluster.annotation: $0] }
        if let status {
            var written = DataPlaneStatus()
            (written.clusterUID, written.endpoint) = (status.uid, status.endpoint)
            object.status = written
        }
        return object
    }

    @Test("The status, or without one the annotation, says which cluster it was")
    func sources() {
        #expect(dataPlane(note: "b https://dp:443", status: ("a", "https://dp:443")).recordedClusterUID == "a")
        #expect(dataPlane(note: "b https://dp:443").recordedClusterUID == "b")
        #expect(dataPlane(note: nil).recordedClusterUID == nil)
    }

    @Test("What was recorded for another endpoint says nothing")
    func otherEndpoint() {
        #expect(dataPlane(note: "b https://other:443", status: ("a", "https://other:443")).recordedClusterUID == nil)
        #expect(dataPlane(note: "b https://dp:443", status: ("a", "https://other:443")).recordedClusterUID == "b")
    }

    @Test(
        "A malformed note is ignored",
        arguments: ["", "b", " https://dp:443", String(repeating: "u", count: 129) + " https://dp:443"])
    func noNote(text: String) { #expect(dataPlane(note: text).recordedClusterUID == nil) }
}
