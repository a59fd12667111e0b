import JSON

/// The answer of `/version`, as far as anybody asks.
public struct VersionInfo: Sendable, Hashable {
    /// `v1.36.2`, `v1.33.1-eks-1234`. Cut: it goes into a status, which could not be written with a longer one.
    public var gitVersion: String

    public init(json: JSON) throws(DecodingFailure) {
        gitVersion = try Fields(json).required("gitVersion").shown(bytes: 128)
    }
}
