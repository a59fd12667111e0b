import JSON
import Kube
import Testing

@testable import DataPlaneAgent

@Suite("Which cluster it is")
struct ClusterUIDTests {
    @Test("An invalid cluster UID does not count as an answer, and is not repeated")
    func unusable() throws {
        let uid = "1239cc25-435f-440f-9729-a26f2ca3e75f"
        #expect(try Link.clusterUID(of: ["metadata": ["uid": .string(uid)]]) == uid)
        let long = String(repeating: "u", count: 4 << 20)
        let answers: [JSON] = [
            ["metadata": ["uid": .string(long)]], ["metadata": ["uid": ""]], ["metadata": ["uid": "u\u{1b}[31m\r\nid"]],
            ["metadata": [:]], [:],
        ]
        for answer in answers {
            let error = #expect(throws: KubeError.self) { try Link.clusterUID(of: answer) }
            #expect(error?.isUnexpectedAnswer == true)
            let size = error?.description.utf8.count ?? 0
            #expect(size < 200)
        }
    }
}
