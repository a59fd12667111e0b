import Foundation
import Kube
import Support
import Testing

@testable import Operator

@Suite("Where the control plane is")
struct ControlPlaneTests {
    private static func write(_ server: String) throws -> URL {
        let file = FileManager.default.temporaryDirectory.appending(path: "kubeconfig-\(UUID().uuidString)")
        try Data(
            """
            current-context: one
            clusters: [{name: one, cluster: {server: "\(server)"}}]
            users: [{name: one, user: {token: t}}]
            contexts: [{name: one, context: {cluster: one, user: one}}]
            """.utf8
        ).write(to: file)
        return file
    }

    @Test("A named kubeconfig goes before KUBECONFIG; with neither, the error names a file")
    func kubeconfigs() throws {
        let (named, listed) = (try Self.write("https://named"), try Self.write("https://listed"))
        defer { for file in [named, listed] { try? FileManager.default.removeItem(at: file) } }
        let environment = ["KUBECONFIG": "/does/not/exist:\(listed.path)", "HOME": "/nobody"]
        #expect(
            try ControlPlane.endpoint(named.path, context: nil, environment: environment).server == "https://named")
        #expect(try ControlPlane.endpoint(nil, context: nil, environment: environment).server == "https://listed")
        let failure = #expect(throws: EndpointFailure.self) {
            try ControlPlane.endpoint(nil, context: nil, environment: ["HOME": "/nobody"])
        }
        #expect(failure?.description.contains("/nobody/.kube/config") == true)
        #expect(throws: EndpointFailure.self) { try ControlPlane.endpoint(nil, context: nil, environment: [:]) }
    }

    @Test("The variables are read from the process's own environment")
    func process() {
        setenv("KUBECONFIG", "/a", 1)
        defer { unsetenv("KUBECONFIG") }
        let values = ProcessEnvironment.values(ControlPlane.variables)
        #expect(values["KUBECONFIG"] == "/a" && values["HOME"] != nil)
        #expect(Set(values.keys).isSubset(of: ControlPlane.variables))
    }
}
