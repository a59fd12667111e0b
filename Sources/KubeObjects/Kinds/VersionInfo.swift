import JSON

/// The answer of `/version`.
public struct VersionInfo: Sendable, Hashable {
    /// `v1.36.2`, `v1.33.1-eks-1234`.
    public var gitVersion: String
    public var major: String
    /// Some providers write `33+`.
    public var minor: String
    public var platform: String?

    public init(json: JSON) throws(DecodingFailure) {
        let fields = try Fields(json)
        gitVersion = try fields.required("gitVersion")
        major = try fields.string("major") ?? ""
        minor = try fields.string("minor") ?? ""
        platform = try fields.string("platform")
    }
}
