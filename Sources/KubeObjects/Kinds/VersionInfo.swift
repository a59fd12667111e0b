import JSON

/// The part of the answer of `/version` that we use.
public struct VersionInfo: Sendable, Hashable {
    /// `v1.36.2`, `v1.33.1-eks-1234`. It is cut, since a status could not be written with a longer one.
    public var gitVersion: String

    public init(json: JSON) throws(DecodingFailure) {
        gitVersion = try Fields(json).required("gitVersion").shown(bytes: 128)
    }
}
