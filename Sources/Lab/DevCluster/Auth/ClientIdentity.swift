import Crypto
import Support
import X509

/// The user of a client certificate.
enum ClientIdentity: Sendable, Hashable {
    /// CN = user, O = groups, as in kubeadm's kubeconfigs.
    case user(User)
    /// It is from another authority, out of date, or not for clients.
    case refused

    /// - Parameter authority: PEM of the cluster's certificate authority.
    init(certificate bytes: [UInt8], authority: String, now: Instant) {
        guard let leaf = try? Certificate(derEncoded: bytes), let issuer = try? Certificate(pemEncoded: authority),
            issuer.publicKey.isValidSignature(leaf.signature, for: leaf),
            leaf.notValidBefore.timeIntervalSince1970 <= now.secondsSince1970,
            leaf.notValidAfter.timeIntervalSince1970 >= now.secondsSince1970,
            (try? leaf.extensions.extendedKeyUsage)?.contains(.clientAuth) == true
        else {
            self = .refused
            return
        }
        var names: [String] = []
        var organizations: [String] = []
        for attributes in leaf.subject {
            for attribute in attributes {
                let text = String(attribute.value) ?? attribute.value.description
                if attribute.type == .RDNAttributeType.commonName { names.append(text) }
                if attribute.type == .RDNAttributeType.organizationName { organizations.append(text) }
            }
        }
        guard let name = names.last, !name.isEmpty else {
            self = .refused
            return
        }
        let digest = SHA256.hash(data: bytes).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }
        self = .user(
            User(
                name: name, groups: organizations + ["system:authenticated"],
                extra: ["authentication.kubernetes.io/credential-id": ["X509SHA256=" + digest.joined()]]))
    }
}
