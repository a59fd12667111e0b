import CProcess

/// Of which source this program is: hack/build-operator writes it into the finished program.
public struct BuildRecord: Sendable, Hashable {
    /// `unknown` in a build by hand; ends in `-dirty` where files had changed.
    public var commit = "unknown"
    /// The commit's, in RFC 3339, so that the same commit gives the same program; `unknown` in a build by hand.
    public var date = "unknown"

    public static let ofThisProgram = BuildRecord(String(cString: squadron_build_record()))

    init(_ text: String) {
        let words = text.split(separator: " ").map(String.init)
        guard words.count == 2 else { return }
        (commit, date) = (words[0], words[1])
    }
}
