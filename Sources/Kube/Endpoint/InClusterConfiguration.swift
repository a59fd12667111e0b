import HTTP
import Support

/// The endpoint that every pod has: its API server, with the pod's ServiceAccount (Kubernetes, "Accessing the Kubernetes
/// API from a Pod").
public struct InClusterConfiguration: Sendable {
    public static let folder = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// Whether this process runs in a pod, as far as its environment shows.
    public static func isPresent(environment: [String: String]) -> Bool {
        environment["KUBERNETES_SERVICE_HOST"]?.isEmpty == false
            && environment["KUBERNETES_SERVICE_PORT"]?.isEmpty == false
    }

    /// Tests put `root` in front of the folder's path. The CA and the namespace are read now. The token is read when it
    /// is needed, and again when it is rotated.
    public static func endpoint(
        environment: [String: String], root: String = ""
    ) throws(EndpointFailure) -> ClusterEndpoint {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty else {
            throw EndpointFailure(message: "not in a pod: KUBERNETES_SERVICE_HOST is not set")
        }
        let text = environment["KUBERNETES_SERVICE_PORT"] ?? ""
        guard let port = UInt16(text), port > 0 else {
            throw EndpointFailure(message: "KUBERNETES_SERVICE_PORT is not a port: \(text.isEmpty ? "not set" : text)")
        }
        let folder = root + folder
        let ca = try read("\(folder)/ca.crt")
        guard !ca.isEmpty else { throw EndpointFailure(file: "\(folder)/ca.crt", message: "is empty") }
        let namespace = String(decoding: try read("\(folder)/namespace"), as: UTF8.self)
        let token = TokenFile(path: "\(folder)/token")
        do { _ = try token.bearerToken() } catch { throw EndpointFailure(message: error.message) }
        return ClusterEndpoint(
            server: "https://\(host.contains(":") ? "[\(host)]" : host):\(port)",
            tls: TLSConfiguration(caCertificates: ca), authorization: token,
            namespace: namespace.split(whereSeparator: \.isWhitespace).first.map(String.init))
    }

    /// The variables of the environment that it reads.
    public static let variables = ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"]

    private static func read(_ path: String) throws(EndpointFailure) -> [UInt8] {
        do {
            return try FileContents.read(path, limit: 1 << 20)
        } catch {
            throw EndpointFailure(file: error.path, message: error.message)
        }
    }
}
