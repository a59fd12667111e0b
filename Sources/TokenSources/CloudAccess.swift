import Fleet
import HTTP
import Kube
import Support

/// The access to the clouds' token services. It belongs to the process: no DataPlane can change it. Of the environment it
/// reads `variables` only, and no variable that names a proxy.
public struct CloudAccess: Sendable {
    public var hosts: CloudHosts
    /// The certificates to trust. Nil for the system's roots.
    private let caCertificates: [UInt8]?
    private let proxyURL: String?
    /// The environment variables that are read. The clouds' webhooks set them.
    public static let variables =
        ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_SESSION_NAME"]
        + ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]
        + ["GCE_METADATA_HOST"]
        + ["AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST"]
    /// Tests replace both.
    var environment: [String: String]
    var makeTransport: @Sendable (HTTPClientConfiguration) -> any HTTPTransport = { HTTPClient($0) }

    public init(environment: [String: String]? = nil, hosts: [String] = []) {
        self.environment = environment ?? ProcessEnvironment.values(Self.variables)
        self.hosts = CloudHosts(hosts)
        (caCertificates, proxyURL) = (nil, nil)
    }

    /// - Parameter caFile: its certificates are trusted beside the system's roots. The file is read once, now.
    public init(
        caFile: String?, proxyURL: String?, hosts: [String], environment: [String: String]? = nil
    ) throws(IssueFailure) {
        self.environment = environment ?? ProcessEnvironment.values(Self.variables)
        self.hosts = CloudHosts(hosts)
        self.proxyURL = proxyURL
        guard let caFile else {
            caCertificates = nil
            return
        }
        let own = try Self.read(caFile)
        guard String(decoding: own, as: UTF8.self).contains("-----BEGIN CERTIFICATE-----") else {
            throw IssueFailure("\(caFile) has no certificate (PEM)")
        }
        var roots: [UInt8] = []
        if let path = SystemRoots.path { roots = try Self.read(path) }
        caCertificates = roots + [UInt8(ascii: "\n")] + own
    }

    private static func read(_ path: String) throws(IssueFailure) -> [UInt8] {
        do throws(FileContents.Failure) {
            return try FileContents.read(path, limit: 4 << 20)
        } catch {
            throw IssueFailure("\(error)")
        }
    }

    /// - Parameter allowsPlainHTTP: true for metadata servers beside the pod. Their address comes from the process's own
    ///   environment, never from a DataPlane.
    func transport(allowsPlainHTTP: Bool = false) -> any HTTPTransport {
        var configuration = HTTPClientConfiguration(
            tls: TLSConfiguration(caCertificates: caCertificates), userAgent: "squadron", maximumConnections: 4,
            allowsPlainHTTP: allowsPlainHTTP)
        // A metadata server runs beside the pod, so no proxy is used.
        configuration.proxyURL = allowsPlainHTTP ? nil : proxyURL
        return makeTransport(configuration)
    }
}
