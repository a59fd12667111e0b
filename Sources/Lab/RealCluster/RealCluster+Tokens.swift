import Crypto
import FoundationEssentials
import Support

extension RealCluster {
    /// A ServiceAccount's token as a TokenRequest makes it, signed with the server's own key. A server makes no token
    /// for less than ten minutes. This token may even have expired already.
    ///
    /// - Parameters:
    ///   - uid: the ServiceAccount's. With another one the server refuses the token.
    ///   - lifetime: from now; may be negative.
    public func makeServiceAccountToken(
        namespace: String, name: String, uid: String, lifetime: Duration
    ) throws -> String {
        let seconds = Int(WallClock.system.now.secondsSince1970)
        let expires = seconds + Int(lifetime.components.seconds)
        let issued = min(seconds, expires - 3_600)
        let account = #""serviceaccount":{"name":"\#(name)","uid":"\#(uid)"}"#
        let claims =
            #"{"iss":"\#(options.issuer)","aud":["\#(options.issuer)"],"sub":"system:serviceaccount:\#(namespace):\#(name)","#
            + #""iat":\#(issued),"nbf":\#(issued),"exp":\#(expires),"#
            + #""kubernetes.io":{"namespace":"\#(namespace)",\#(account)}}"#
        // The token has no key id, so the server tries all of its keys.
        let message = Base64.encode(#"{"alg":"ES256"}"#.utf8, .url) + "." + Base64.encode(claims.utf8, .url)
        let key = try P256.Signing.PrivateKey(pemRepresentation: folder.serviceAccountKeyPEM)
        return message + "." + Base64.encode(try key.signature(for: Data(message.utf8)).rawRepresentation, .url)
    }
}
