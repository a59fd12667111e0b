import Crypto
import Foundation
import Support
import SwiftASN1
import X509

/// A certificate authority for devcluster and tests. It uses only P-256, since a fleet of 500 servers must start within
/// seconds, and one RSA key takes longer than that.
public struct CertificateAuthority: Sendable {
    /// The certificate that verifies the issued certificates.
    public let certificatePEM: String
    /// Keep it to have the same authority after a restart.
    public let privateKeyPEM: String

    private let key: Certificate.PrivateKey
    private let subject: DistinguishedName
    private let keyIdentifier: SubjectKeyIdentifier

    /// A new key and its self-signed certificate, by default valid from five minutes ago for ten years.
    public init(commonName: String, notBefore: Instant? = nil, notAfter: Instant? = nil) throws(PKIError) {
        do {
            let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
            let subject = try DistinguishedName { CommonName(commonName) }
            let keyIdentifier = SubjectKeyIdentifier(hash: key.publicKey)
            let certificate = try Certificate(
                version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
                notValidBefore: date(notBefore, elseAfter: -300),
                notValidAfter: date(notAfter, elseAfter: 10 * 365 * 86_400),
                issuer: subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
                extensions: try Certificate.Extensions {
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                    Critical(KeyUsage(digitalSignature: true, keyCertSign: true, cRLSign: true))
                    keyIdentifier
                },
                issuerPrivateKey: key)
            certificatePEM = try certificate.serializeAsPEM().pemString
            privateKeyPEM = try key.serializeAsPEM().pemString
            self.key = key
            self.subject = subject
            self.keyIdentifier = keyIdentifier
        } catch {
            throw .signingFailed("\(error)")
        }
    }

    /// An authority from kept certificate and key.
    public init(certificatePEM: String, privateKeyPEM: String) throws(PKIError) {
        do {
            let certificate = try Certificate(pemEncoded: certificatePEM)
            key = try Certificate.PrivateKey(pemEncoded: privateKeyPEM)
            subject = certificate.subject
            keyIdentifier = SubjectKeyIdentifier(hash: certificate.publicKey)
            guard key.publicKey == certificate.publicKey else {
                throw PKIError.malformedAuthority("the key is not that of the certificate")
            }
            self.certificatePEM = certificatePEM
            self.privateKeyPEM = privateKeyPEM
        } catch let error as PKIError {
            throw error
        } catch {
            throw .malformedAuthority("\(error)")
        }
    }

    /// A new key and a certificate for it. Safe to call from several threads.
    public func issue(_ request: CertificateRequest) throws(PKIError) -> IssuedCertificate {
        var names = request.dnsNames.map(GeneralName.dnsName)
        for text in request.ipAddresses {
            guard let bytes = ipAddressBytes(text) else { throw .notAnIPAddress(text) }
            names.append(.ipAddress(ASN1OctetString(contentBytes: bytes[...])))
        }
        do {
            let leafKey = Certificate.PrivateKey(P256.Signing.PrivateKey())
            let certificate = try Certificate(
                version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: leafKey.publicKey,
                notValidBefore: date(request.notBefore, elseAfter: -300),
                notValidAfter: date(request.notAfter, elseAfter: 365 * 86_400),
                issuer: subject,
                subject: try DistinguishedName {
                    for organization in request.organizations { OrganizationName(organization) }
                    CommonName(request.commonName)
                },
                signatureAlgorithm: .ecdsaWithSHA256,
                extensions: try Certificate.Extensions {
                    Critical(BasicConstraints.notCertificateAuthority)
                    Critical(KeyUsage(digitalSignature: true))
                    try ExtendedKeyUsage([request.usage == .server ? .serverAuth : .clientAuth])
                    AuthorityKeyIdentifier(keyIdentifier: keyIdentifier.keyIdentifier)
                    if !names.isEmpty { SubjectAlternativeNames(names) }
                },
                issuerPrivateKey: key)
            return IssuedCertificate(
                certificatePEM: try certificate.serializeAsPEM().pemString,
                privateKeyPEM: try leafKey.serializeAsPEM().pemString)
        } catch {
            throw .signingFailed("\(error)")
        }
    }
}

/// X.509 dates are whole seconds. X509 takes them as Foundation's type; nothing else here needs it.
private func date(_ instant: Instant?, elseAfter seconds: Double) -> Date {
    Date(timeIntervalSince1970: (instant ?? WallClock.system.now + seconds).secondsSince1970.rounded(.down))
}
