import Crypto
import Support

/// Distinguishes tokens without showing them.
public enum Fingerprint {
    /// The first 8 bytes of the SHA-256. Nobody can compute the token from them.
    public static func of(_ token: Sensitive) -> String {
        let digest = token.withBytes { SHA256.hash(data: $0) }
        return "sha256:"
            + digest.prefix(8).map { byte in
                let text = String(byte, radix: 16)
                return byte < 16 ? "0" + text : text
            }.joined()
    }
}
