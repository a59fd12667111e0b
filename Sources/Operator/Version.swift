import Support

/// The version of this build, for `squadron version` and the User-Agent.
public enum SquadronVersion {
    public static let current = "0.2.0"
    public static let userAgent = "squadron/\(current)"

    public static var commit: String { BuildRecord.ofThisProgram.commit }

    /// The text for people, with the commit and the supported versions.
    public static var text: String {
        let build = BuildRecord.ofThisProgram
        return """
            squadron \(current)
            commit: \(build.commit)
            date: \(build.date)
            made for: Kubernetes 1.28 and newer as control plane, 1.27 and newer as data planes; Flyte 1.x (tried with 1.16)
            """
    }
}
