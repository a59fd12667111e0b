/// What a Secret may be used for beside the credentials of data planes: the value of its label.
public enum SecretUse: String, Sendable, Hashable, CaseIterable {
    /// Template values (`valuesFrom`).
    case values
    /// What flyteadmin is reached with (`tokenRef`, `clientSecretRef`, `caCertRef`).
    case flyteadmin
    /// What a proxy asks for.
    case proxy
    /// Copies in the namespaces of the data planes.
    case replicate

    public static let label = SecretContent.prefix + "use"
}

/// Which Secret may be used for what. A user who may edit custom resources, but not Secrets, must not get at a token by
/// naming its Secret. So a label on the Secret says what it is for, and credentials of data planes are for nothing else.
public enum SecretRules {
    /// These hold credentials of data planes, whatever their labels say: the operator's Role names both.
    public static let credentialsSecrets: Set = [CredentialsReference.defaultSecretName, "squadron-credentials"]

    /// Why a Secret may not be used as a source of that kind; nil where it may.
    ///
    /// - Parameter secret: nil where it has not been read, or is not there: then its name alone can be judged.
    public static func problem(_ secret: SecretContent?, named name: String, as use: SecretUse) -> String? {
        if credentialsSecrets.contains(name) {
            return "Secret \(name) holds credentials of data planes: it is never a source of anything else"
        }
        // A Secret that holds a DataPlane's credentials has no label, so this refuses it as well.
        guard let secret, secret.labels[SecretUse.label] != use.rawValue else { return nil }
        let label = "\(SecretUse.label): \(use.rawValue)"
        return "Secret \(name) does not have the label \(label), which allows this use"
    }

    /// Why a Secret can't hold credentials of data planes; nil where it can. With the label `replicate` it can. It is then
    /// not replicated.
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

    /// What both are named after: `dataplane_1` for `dataplane_1_token` and `dataplane_1_cacert`. Nil where they have other
    /// names, or are of different clusters.
    public var cluster: String? {
        let suffix = "_token"
        guard token.hasSuffix(suffix) else { return nil }
        let cluster = String(token.dropLast(suffix.count))
        return !cluster.isEmpty && caCert == cluster + "_cacert" ? cluster : nil
    }

    /// Beside `token` and `ca.crt`, these are in each Secret that Kubernetes, or OpenShift, makes for a ServiceAccount.
    private static let companions: Set<String> = ["namespace", "service-ca.crt"]

    /// Why the token must not be sent to a server that this CA verifies; nil where they belong together. With the CA of
    /// another cluster, the token would be sent to that one.
    ///
    /// - Parameter keys: all of the Secret.
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
