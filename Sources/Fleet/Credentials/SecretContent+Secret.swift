import KubeObjects

extension SecretContent {
    /// What can be used of a Secret. A value that isn't base64 is left out.
    package init(_ secret: Secret) {
        self.init(
            secret.data.compactMapValues { value in
                if case .bytes(let bytes) = value { bytes } else { nil }
            }, labels: secret.metadata.labels ?? [:], annotations: secret.metadata.annotations ?? [:])
    }
}
