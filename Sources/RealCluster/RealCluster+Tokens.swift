import Crypto
import FoundationEssentials
import Support

extension RealCluster {
    /// A ServiceAccount's token as a TokenRequest makes it, signed with the server's own key. A server makes none of less
    /// than ten minutes; this one may have ended before it began.
    ///
    /// - Parameters:
    ///   - uid: of the ServiceAccount; with another one the server refuses the token.
    ///   - lifetime: from now; may be negative.
    public func makeServiceAccountToken(
        namespace: String, name: String, uid: String, lifetime: Duration
    ) throws -> String {
        let seconds = Int(WallClock.system.now.secondsSince1970)
        let expires = seconds + Int(lifetime.components.seconds)
        let issued = min(seconds, expires - 3_600)
        let account = #""serviceaccount":{"name":"\#(name)","uid":"\#(uid)"}"#
        let claims =
            #"{"iss":"\#(Self.issuer)","aud":["\#(Self.issuer)"],"sub":"system:serviceaccount:\#(namespace):\#(name)","#
            + #""iat":\#(issued),"nbf":\#(issued),"exp":\#(expires),"#
            + #""kubernetes.io":{"namespace":"\#(namespace)",\#(account)}}"#
        // Without a key id the server tries all of its keys.
        let message = Self.base64URL(#"{"alg":"ES256"}"#.utf8) + "." + Self.base64URL(claims.utf8)
        let key = try P256.Signing.PrivateKey(pemRepresentation: folder.serviceAccountKeyPEM)
        return message + "." + Self.base64URL(try key.signature(for: Data(message.utf8)).rawRepresentation)
    }

    static let issuer = "https://kubernetes.default.svc.cluster.local"

    private static func base64URL(_ bytes: some Sequence<UInt8>) -> String {
        String(
            Data(bytes).base64EncodedString().compactMap { character -> Character? in
                switch character {
                case "+": "-"
                case "/": "_"
                case "=": nil
                default: character
                }
            })
    }
}
