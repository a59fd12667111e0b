import KubeObjects

extension SecretContent {
    /// The usable entries of a Secret. Values that are not base64 are left out.
    package init(_ secret: Secret) {
        self.init(
            secret.data.compactMapValues { value in
                if case .bytes(let bytes) = value { bytes } else { nil }
            }, labels: secret.metadata.labels ?? [:], annotations: secret.metadata.annotations ?? [:])
    }
}
