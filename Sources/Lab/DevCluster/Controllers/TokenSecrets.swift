import JSON
import Support

/// Fills Secrets of type `kubernetes.io/service-account-token`, and removes those whose ServiceAccount is gone.
struct TokenSecrets: Sendable {
    private static let nameKey = "kubernetes.io/service-account.name"
    private static let uidKey = "kubernetes.io/service-account.uid"

    let store: ObjectStore
    let signer: TokenSigner
    let authorityPEM: @Sendable () -> String

    func watchSecrets() async {
        for await change in store.changes(of: .secrets) where change.kind != .deleted {
            if Self.isTokenSecret(change.object) { settle(change.object) }
        }
    }

    /// Watches for ServiceAccounts that are deleted before their Secrets.
    func watchServiceAccounts() async {
        for await change in store.changes(of: .serviceAccounts) where change.kind != .modified {
            // Mostly `default` comes and goes, and few ServiceAccounts have Secrets. So this list is short.
            for secret in store.list(.secrets, namespace: change.namespace)
            where Self.isTokenSecret(secret) && secret.annotation(Self.nameKey) == change.name {
                settle(secret)
            }
        }
    }

    private static func isTokenSecret(_ secret: JSON) -> Bool {
        secret["type"]?.string == "kubernetes.io/service-account-token"
    }

    private func settle(_ secret: JSON) {
        let (namespace, name) = (secret.objectNamespace, secret.objectName)
        guard let accountName = secret.annotation(Self.nameKey) else { return }
        let account = store.get(.serviceAccounts, namespace: namespace, name: accountName)
        let uid = account?["metadata"]?["uid"]?.string
        let wanted = secret.annotation(Self.uidKey)
        guard let uid, wanted == nil || wanted == uid else {
            store.delete(.secrets, namespace: namespace, name: name)
            return
        }
        let authority = Base64.encode(authorityPEM().utf8)
        let claims = TokenClaims.legacyServiceAccount(
            namespace: namespace, name: accountName, uid: uid, secret: name)
        _ = try? store.update(.secrets, namespace: namespace, name: name) { secret in
            var data = secret["data"] ?? [:]
            let isComplete =
                data["token"]?.string?.isEmpty == false && data["ca.crt"]?.string == authority
                && data["namespace"] != nil && secret.annotation(Self.uidKey) == uid
            if isComplete { return false }
            if data["token"]?.string?.isEmpty ?? true {
                data["token"] = .string(Base64.encode(signer.sign(claims).utf8))
            }
            data["ca.crt"] = .string(authority)
            data["namespace"] = .string(Base64.encode(namespace.utf8))
            secret["data"] = data
            secret[path: ["metadata", "annotations", Self.uidKey]] = .string(uid)
            return true
        }
    }
}

extension JSON {
    fileprivate func annotation(_ key: String) -> String? { self["metadata"]?["annotations"]?[key]?.string }
}
