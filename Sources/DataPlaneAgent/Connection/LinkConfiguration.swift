import Fleet
import HTTP
import Support

/// The settings of a connection. A change of any of them needs a new connection, except for the token: another token
/// uses the same connection.
package struct LinkConfiguration: Sendable, Hashable {
    package enum Server: Sendable, Hashable {
        case url(String)
        /// The operator's own control plane, with its own credentials.
        case controlPlane
    }
    package var server: Server
    package var token: Sensitive?
    /// Replaces `token` if the token renews itself.
    package var source: SourceReference?
    /// Nil for the system's roots.
    package var ca: [UInt8]?
    package var connection: Connection
    /// The login for the proxy.
    package var proxyLogin: ProxyLogin?

    package init(
        server: Server, token: Sensitive? = nil, source: SourceReference? = nil, ca: [UInt8]? = [],
        connection: Connection
    ) {
        self.server = server
        self.token = token
        self.source = source
        self.ca = ca
        self.connection = connection
    }

    /// Whether only the token differs.
    func differsOnlyInToken(from other: LinkConfiguration) -> Bool {
        guard self != other, token != nil, other.token != nil else { return false }
        var same = self
        same.token = other.token
        return same == other
    }
}
