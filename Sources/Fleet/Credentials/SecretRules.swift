/// The purpose of a Secret other than data planes' credentials: the value of its label.
public enum SecretUse: String, Sendable, Hashable, CaseIterable {
    /// Template values (`valuesFrom`).
    case values
    /// The credential for flyteadmin (`tokenRef`, `clientSecretRef`, `caCertRef`).
    case flyteadmin
    /// The login for a proxy.
    case proxy
    /// Copies in the namespaces of the data planes.
    case replicate

    public static let label = SecretContent.prefix + "use"
}

/// The purposes for which a Secret may be used. A user who may edit custom resources, but not Secrets, must not get at
/// a token by naming its Secret. So a label on the Secret names its purpose, and credentials of data planes have no
/// other purpose.
public enum SecretRules {
    /// These hold credentials of data planes, whatever their labels say. The operator's Role names both.
    public static let credentialsSecrets: Set = [CredentialsReference.defaultSecretName, "squadron-credentials"]

    /// Why a Secret may not be used as a source for that purpose. Nil if it may.
    ///
    /// - Parameter secret: nil if it has not been read or does not exist. Then only its name can be judged.
    public static func problem(_ secret: SecretContent?, named name: String, as use: SecretUse) -> String? {
        if credentialsSecrets.contains(name) {
            return "Secret \(name) holds credentials of data planes: it is never a source of anything else"
        }
        // A Secret that holds a DataPlane's credentials has no label, so this refuses it as well.
        guard let secret, secret.labels[SecretUse.label] != use.rawValue else { return nil }
        let label = "\(SecretUse.label): \(use.rawValue)"
        return "Secret \(name) does not have the label \(label), which allows this use"
    }

    /// Why a Secret can't hold credentials of data planes. Nil if it can. A Secret with the label `replicate` can, but
    /// is then not replicated.
    public static func problem(ofCredentialsIn secret: SecretContent, named name: String) -> String? {
        guard let label = secret.labels[SecretUse.label], label != SecretUse.replicate.rawValue else { return nil }
        let text = "\(SecretUse.label): \(label.quotedForMessage)"
        return "Secret \(name) has the label \(text), so it holds no credentials of data planes; nothing is sent"
    }
}

/// The two keys that a DataPlane names.
public struct CredentialsKeys: Sendable, Hashable {
    public var token: String
    public var caCert: String

    public init(token: String, caCert: String) {
        self.token = token
        self.caCert = caCert
    }

    /// The common part of both names: `dataplane_1` for `dataplane_1_token` and `dataplane_1_cacert`. Nil if they have
    /// other names, or belong to different clusters.
    public var cluster: String? {
        let suffix = "_token"
        guard token.hasSuffix(suffix) else { return nil }
        let cluster = String(token.dropLast(suffix.count))
        return !cluster.isEmpty && caCert == cluster + "_cacert" ? cluster : nil
    }

    /// Beside `token` and `ca.crt`, Kubernetes or OpenShift puts these into each Secret of a ServiceAccount.
    private static let companions: Set<String> = ["namespace", "service-ca.crt"]

    /// Why the token must not be sent to a server that this CA verifies. Nil if the two belong together. With the CA of
    /// another cluster, the token would be sent to that cluster.
    ///
    /// - Parameter keys: all keys of the Secret.
    public func mismatch(among keys: some Sequence<String>) -> String? {
        if cluster != nil { return nil }
        let others = Set(keys).subtracting([token, caCert])
        let isServiceAccount = token == "token" && caCert == "ca.crt"
        if others.isEmpty || (isServiceAccount && others.isSubset(of: Self.companions)) { return nil }
        let names = "the keys \(token.quotedForMessage) and \(caCert.quotedForMessage)"
        let rule = "in a Secret with more entries they are named x_token and x_cacert, with the same x"
        return "\(names) are not of one cluster: \(rule); nothing is sent"
    }
}
