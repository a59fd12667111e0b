import Foundation
import JSON
import Testing
import YAML

/// The YAML in the documents. hack/docs checks links and commands, and hack/examples runs what is marked.
@Suite("Documents")
struct DocumentTests {
    /// Blocks marked as YAML, by the place where they start.
    private func blocks() throws -> [(place: String, text: String)] {
        let folder = Repository.root.appendingPathComponent("docs").path
        let docs = try FileManager.default.contentsOfDirectory(atPath: folder)
        let files = ["README.md"] + docs.filter { $0.hasSuffix(".md") }.sorted().map { "docs/\($0)" }
        return try files.flatMap { file -> [(String, String)] in
            var blocks: [(String, String)] = []
            var block: [Substring]?
            let lines = try Repository.text(file).split(separator: "\n", omittingEmptySubsequences: false)
            for (index, line) in lines.enumerated() {
                let mark = line.drop { $0 == " " }
                if block == nil, mark == "```yaml" {
                    block = []
                    blocks.append(("\(file):\(index + 1)", ""))
                } else if let text = block, mark == "```" {
                    blocks[blocks.count - 1].1 = text.joined(separator: "\n")
                    block = nil
                } else {
                    block?.append(line)
                }
            }
            return blocks
        }
    }

    @Test("Each block of YAML in a document can be read")
    func readable() throws {
        let blocks = try blocks()
        #expect(blocks.count > 5)
        for (place, text) in blocks {
            #expect(throws: Never.self, "\(place)") { _ = try YAML.documents(text).map { try $0.json() } }
        }
    }

    @Test("Objects of ours in a document are as the CRDs and the operator take them")
    func objects() throws {
        var count = 0
        for (place, text) in try blocks() {
            // What the reader has to fill in stands in angle brackets.
            let filledIn = text.replacing(/<[a-z0-9 -]+>/, with: "x")
            let documents = (try? YAML.documents(filledIn).map { try $0.json() }) ?? []
            for object in documents where object["apiVersion"] == "multicluster.flyte.org/v1alpha1" {
                count += 1
                #expect(objection(object) == nil, "\(place)")
            }
        }
        #expect(count >= 10)
    }
}
