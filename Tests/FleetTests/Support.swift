import Crypto
import Foundation
import JSON
import KubeObjects
import Support
import SwiftASN1
import X509
import YAML

@testable import Fleet

/// 2026-01-02T03:04:05Z, when every test happens.
let now = Instant(secondsSince1970: 1_767_323_045)
let day = 86_400.0

enum Repository {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }
    static func documents(in folder: String) throws -> [JSON] {
        try FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent(folder).path).sorted()
            .filter { $0.hasSuffix(".yaml") && $0 != "kustomization.yaml" }
            .flatMap { try YAML.documents(text("\(folder)/\($0)")).map { try $0.json() } }
    }
}

func metadata(_ name: String, age seconds: Double = 0, generation: Int64? = 1) -> ObjectMeta {
    var metadata = ObjectMeta(name: name, namespace: "flyte")
    metadata.uid = "uid-\(name)"
    metadata.generation = generation
    metadata.creationTimestamp = Timestamp(now + -seconds)
    return metadata
}

func label(_ name: String, _ clusters: [(String, Double)], label: String? = nil, age: Double = 0) -> ExecutionLabel {
    ExecutionLabel(
        metadata: metadata(name, age: age),
        spec: .init(label: label, clusters: clusters.map { .init(name: $0.0, weight: $0.1) }))
}

func assignment(
    _ name: String, _ project: String, _ domain: String?, workflow: String? = nil, value: String = "label1",
    age: Double = 0
) -> ExecutionClusterLabel {
    ExecutionClusterLabel(
        metadata: metadata(name, age: age),
        spec: .init(project: project, domain: domain, workflow: workflow, value: value))
}

func dataPlane(_ name: String, age: Double = 0, _ change: (inout DataPlaneSpec) -> Void = { _ in }) -> DataPlane {
    var spec = DataPlaneSpec(endpoint: "https://\(name).example.com")
    change(&spec)
    return DataPlane(metadata: metadata(name, age: age), spec: spec)
}

enum Token {
    static func part(_ text: String) -> String {
        Base64.encode(text.utf8)
            .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }
    static func jwt(_ payload: String) -> String {
        part(#"{"alg":"RS256","kid":"k"}"#) + "." + part(payload) + "." + part("signature-of-this-token-is-secret")
    }
    static func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
}

enum TestCA {
    static func pem(ends: Instant, name: String = "ca") throws -> String {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let subject = try DistinguishedName { CommonName(name) }
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key.publicKey,
            notValidBefore: Date(timeIntervalSince1970: ends.secondsSince1970 - 365 * day),
            notValidAfter: Date(timeIntervalSince1970: ends.secondsSince1970), issuer: subject, subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
            },
            issuerPrivateKey: key)
        return try certificate.serializeAsPEM().pemString + "\n"
    }
    static func privateKey() -> String { P256.Signing.PrivateKey().pemRepresentation }
}

extension Credentials {
    /// What a condition's message says of their ends.
    func warnings(now: Instant) -> [String] { ExpiryStage.warnings(tokenLifetime, caLifetime, now: now) }
}
