import DevCluster
import Foundation
import JSON
import TestSupport
import Testing

/// The same requests, in the same order, as `Fixtures/record.py` sent to a real kube-apiserver 1.36, compared with what it
/// answered. Differences that stay carry their reason in `steps.json` ("differs").
@Suite("Recorded answers of a real API server")
struct RecordedContractTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures")

    @Test(
        "Every request of the recording is answered as the real server answered it", .timeLimit(.minutes(2 * patience)))
    func sameAnswers() async throws {
        let steps = try JSON(parsing: Array(Data(contentsOf: Self.folder.appending(path: "steps.json")))).array ?? []
        let answers =
            try JSON(parsing: Array(Data(contentsOf: Self.folder.appending(path: "answers.json")))).array ?? []
        let requests = steps.filter { $0["request"] != nil }
        try #require(requests.count == answers.count)
        // No controller ran beside the real server: nothing ends a namespace.
        let api = Harness { $0.namespaceTerminationDelay = nil }
        var report = ""
        for (step, expected) in zip(requests, answers) {
            let request = step["request"]?.string ?? ""
            let body: [UInt8]
            switch step["body"] {
            case nil: body = []
            case .string(let text): body = Array(text.utf8)
            case let json?: body = json.serialized()
            }
            let answer = await api.send(
                request, body, type: step["type"]?.string ?? "application/json",
                accept: step["accept"]?.string ?? "application/json")
            let isWatch = request.contains("watch=1") && answer.status == 200
            let actual: JSON = [
                "status": .int(Int64(answer.status)), "warnings": .array(answer.warnings.map { .string($0) }),
                "body": isWatch ? .array(answer.lines) : answer.json,
            ]
            var wanted = expected
            wanted["request"] = nil
            if step["differs"] != nil { continue }
            let differences = Self.differences(Self.normal(wanted), Self.normal(actual), at: "")
            if !differences.isEmpty {
                report +=
                    "\(request) \(step["body"]?.serializedString ?? "")\n" + differences.map { "    \($0)\n" }.joined()
            }
        }
        if let path = ProcessInfo.processInfo.environment["CONTRACT_REPORT"] {
            try report.write(toFile: path, atomically: true, encoding: .utf8)
        }
        #expect(report.isEmpty, "\(report)")
    }

    /// Without what differs from run to run.
    private static func normal(_ value: JSON, key: String = "") -> JSON {
        switch value {
        case .object(let members):
            var result: [String: JSON] = [:]
            for (name, member) in members {
                // Ours are in our own words.
                if name == "description" { continue }
                if name == "storageVersionHash" || name == "serverAddress" { continue }
                result[name] = normal(member, key: name)
            }
            // The real server orders them by time, which depends on where a second ends. Conflicts come in the order of
            // a Go map.
            for field in ["managedFields", "causes"] {
                if let entries = result[field]?.array {
                    result[field] = .array(entries.sorted { $0.serializedString < $1.serializedString })
                }
            }
            return .object(result)
        case .array(let elements): return .array(elements.map { normal($0) })
        case .string(let text):
            if [
                "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "time", "lastTransitionTime",
                "continue",
            ]
            .contains(key) {
                return text.isEmpty ? "" : "*"
            }
            let uid = #/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/#
            let time = #/2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/#
            let age = #/^[0-9]+[smh]$/#
            let current = #/(current: |record \(|version: )[0-9]+/#
            return .string(
                text.replacing(uid, with: "UID").replacing(time, with: "TIME").replacing(age, with: "AGE").replacing(
                    current
                ) {
                    String($0.1) + "N"
                })
        default: return value
        }
    }

    private static func differences(_ wanted: JSON, _ actual: JSON, at path: String) -> [String] {
        if wanted == actual { return [] }
        switch (wanted, actual) {
        case (.object(let left), .object(let right)):
            return Set(left.keys).union(right.keys).sorted().flatMap { key -> [String] in
                switch (left[key], right[key]) {
                case (let a?, let b?): differences(a, b, at: path + "." + key)
                case (let a?, nil): ["\(path).\(key): missing \(a.serializedString)"]
                case (nil, let b?): ["\(path).\(key): unexpected \(b.serializedString)"]
                case (nil, nil): []
                }
            }
        case (.array(let left), .array(let right)) where left.count == right.count:
            return zip(left, right).enumerated().flatMap { differences($1.0, $1.1, at: "\(path)[\($0)]") }
        default: return ["\(path): real \(wanted.serializedString)\n     \(path): ours \(actual.serializedString)"]
        }
    }
}
