import HTTP
import KubeObjects
import Support

/// How to reach an API server, and with which credentials.
public struct ClusterEndpoint: Sendable {
    /// `https://…`, without a slash at the end.
    public var server: String
    public var tls: TLSConfiguration
    /// Without a user and a password, which are in `proxyLogin`.
    public var proxyURL: String?
    public var proxyLogin: ProxyLogin?
    public var authorization: any Authorization
    /// The namespace of the context or the pod. Nil if none is set.
    public var namespace: String?

    public init(
        server: String, tls: TLSConfiguration, proxyURL: String? = nil, authorization: any Authorization,
        namespace: String? = nil
    ) {
        self.server = server
        self.tls = tls
        self.proxyURL = proxyURL
        self.authorization = authorization
        self.namespace = namespace
    }
}

/// Why there is no endpoint: the file, the place in it, and what is wrong there. It holds neither credentials nor control
/// characters.
public struct EndpointFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public var file: String?
    /// `users[0].user.token`. Empty for the whole file.
    public var path: String
    public var message: String
    /// A credential plugin failed: nothing is wrong with how the command was called.
    public var isOfPlugin: Bool

    public init(file: String? = nil, path: String = "", message: String, isOfPlugin: Bool = false) {
        self.file = file
        self.path = path.shown(limit: 256)
        self.message = message.shown(limit: 4096, keepsLines: true)
        self.isOfPlugin = isOfPlugin
    }
    public var description: String {
        [file, path.isEmpty ? nil : path, message].compactMap { $0 }.joined(separator: ": ")
    }
}
