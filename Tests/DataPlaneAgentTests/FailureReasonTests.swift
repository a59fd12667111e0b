import Kube
import Testing

@testable import DataPlaneAgent

@Suite("Reasons of failures")
struct FailureReasonTests {
    @Test("A refusal without a message is reported by its code", arguments: [401, 403, 404, 409, 418, 422, 429, 500])
    func wordless(_ code: Int) {
        let error = KubeError(operation: "apply", cause: .status(APIStatus(code: code, reason: "", message: "")))
        #expect(error.failure(of: nil).message.hasSuffix("\(code)"))
    }
}
