import DevPKI
import Support
import SwiftASN1
import Testing
import X509

@Suite struct CertificateAuthorityTests {
    @Test("An issued certificate verifies, and has its names, addresses and dates")
    func issue() async throws {
        let authority = try CertificateAuthority(commonName: "test CA")
        let end = Instant(secondsSince1970: 4_000_000_000)
        let issued = try authority.issue(
            CertificateRequest(
                commonName: "server", organizations: ["a", "b"], dnsNames: ["localhost"],
                ipAddresses: ["127.0.0.1", "::1"], notAfter: end, usage: .server))

        let leaf = try Certificate(pemEncoded: issued.certificatePEM)
        let root = try Certificate(pemEncoded: authority.certificatePEM)
        #expect(root.publicKey.isValidSignature(leaf.signature, for: leaf))
        #expect(leaf.issuer == root.subject)
        #expect(leaf.notValidAfter.timeIntervalSince1970 == end.secondsSince1970)
        #expect("\(leaf.subject)".contains("O=a") && "\(leaf.subject)".contains("O=b"))
        let names = try #require(try leaf.extensions.subjectAlternativeNames)
        #expect(
            Array(names) == [
                .dnsName("localhost"), .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1])),
                .ipAddress(ASN1OctetString(contentBytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])),
            ])
    }

    @Test("A kept authority issues certificates that its old certificate verifies")
    func reload() throws {
        let first = try CertificateAuthority(commonName: "test CA")
        let again = try CertificateAuthority(
            certificatePEM: first.certificatePEM, privateKeyPEM: first.privateKeyPEM)
        let issued = try again.issue(CertificateRequest(commonName: "admin", usage: .client))
        let root = try Certificate(pemEncoded: first.certificatePEM)
        let leaf = try Certificate(pemEncoded: issued.certificatePEM)
        #expect(root.publicKey.isValidSignature(leaf.signature, for: leaf))
    }

    @Test("A malformed address, or a key of another authority, is refused")
    func refused() throws {
        let authority = try CertificateAuthority(commonName: "a")
        #expect(throws: PKIError.notAnIPAddress("1.2.3")) {
            try authority.issue(CertificateRequest(commonName: "x", ipAddresses: ["1.2.3"], usage: .server))
        }
        let other = try CertificateAuthority(commonName: "b")
        #expect(throws: PKIError.self) {
            try CertificateAuthority(certificatePEM: authority.certificatePEM, privateKeyPEM: other.privateKeyPEM)
        }
    }
}
