/// The version of this build, as `squadron --version` and the User-Agent tell it.
public enum SquadronVersion {
    public static let current = "0.1.0"
    static let userAgent = "squadron/\(current)"
}
