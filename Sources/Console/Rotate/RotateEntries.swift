import Fleet
import JSON
import KubeObjects
import Support

/// The entries of a DataPlane whose tokens `squadron rotate` renews.
struct RotateEntries: Sendable {
    private(set) var entries: [RotatedEntry] = []
    /// Why nothing is done.
    private(set) var refusal: String?
    /// What can't be rotated, and why.
    private(set) var notes: [String] = []

    /// - Parameters:
    ///   - account: the account to rotate. Nil: all.
    ///   - secrets: the Secrets of the control plane that exist, by name.
    init(_ plane: DataPlane, account: String?, secrets: [String: Secret]) {
        if plane.spec.inCluster {
            refusal = "DataPlane \(plane.metadata.name) is inCluster: its token is the pod's"
            return
        }
        var known: [String] = []
        for (secretName, key) in Self.places(of: plane) {
            guard let secret = secrets[secretName], let token = secret[key] else {
                notes.append("Secret \(secretName) has no key \(key)")
                continue
            }
            guard let claims = AccountToken.read(Self.trimmed(token)) else {
                notes.append("Secret \(secretName), key \(key): this is not the token of a ServiceAccount")
                continue
            }
            known.append(claims.name)
            if let account, claims.name != account { continue }
            if let owner = secret.metadata.ownerReferences?.first {
                refusal =
                    "Secret \(secretName) is kept by \(owner.kind) \(owner.name), which would undo a new token: rotate it "
                    + "there (the key \(key))"
                return
            }
            entries.append(.init(secret: secretName, key: key, account: claims.name, namespace: claims.namespace))
        }
        guard entries.isEmpty else { return }
        if let account, !known.isEmpty {
            refusal = "no token of \(plane.metadata.name) is of the account \(account): they are of \(known.listed())"
        } else {
            refusal = (["there is no token to rotate"] + notes).joined(separator: ": ")
            notes = []
        }
    }

    /// flyteadmin's own entry first, since it takes longest.
    static func places(of plane: DataPlane) -> [(secret: String, key: String)] {
        var places: [(secret: String, key: String)] = [
            (PublishedCredentials.secretName, PublishedCredentials(of: plane).tokenKey)
        ]
        let credentials = plane.spec.credentials
        let own = (secret: credentials.secretName, key: plane.tokenKey)
        if credentials.provider.hasFirstToken, !places.contains(where: { $0 == own }) { places.append(own) }
        return places
    }

    static func trimmed(_ token: Sensitive) -> Sensitive { token.withBytes { Sensitive($0.trimmed()) } }
}
