import CProcess

/// The source of this program. hack/build-operator writes it into the finished program.
public struct BuildRecord: Sendable, Hashable {
    /// `unknown` in a manual build. It ends in `-dirty` if files had changed.
    public var commit = "unknown"
    /// The date of the commit in RFC 3339, so that the same commit gives the same program. `unknown` in a manual build.
    public var date = "unknown"

    public static let ofThisProgram = BuildRecord(String(cString: squadron_build_record()))

    init(_ text: String) {
        let words = text.split(separator: " ").map(String.init)
        guard words.count == 2 else { return }
        (commit, date) = (words[0], words[1])
    }
}
