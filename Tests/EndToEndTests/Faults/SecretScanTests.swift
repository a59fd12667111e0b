import DevCluster
import Foundation
import JSON
import TestSupport
import Testing

@testable import Operator

extension EndToEnd.Commands {
    @Suite("Secrets stay secret")
    struct SecretScan {
        @Test("No log, event, status, metric, argument or environment shows a byte of a token")
        func scan() async throws {
            try await withFleet(of: 2, configure: { $0.watcher = .fast }) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                var tokens: [String] = []
                for number in 1...2 { tokens.append(try #require(try await fleet.token(number))) }
                tokens.append(try await fleet[1].admin.token(of: "squadron"))
                // Common mistakes: in base64, cut off, with a line break in it.
                let wrong = [
                    Data(tokens[0].utf8).base64EncodedString(), String(tokens[0].dropLast(5)),
                    tokens[0].prefix(20) + "\n" + tokens[0].dropFirst(20), tokens[0] + " x",
                ]
                var metrics = ""
                func put(_ token: String) async throws {
                    try await fleet.admin.merge(
                        "Secret", "cluster-credentials", ["stringData": ["dataplane_1_token": .string(token)]])
                }
                try await fleet.operating { squadron in
                    try await fleet.settles(1)
                    for token in wrong {
                        try await put(token)
                        _ = try await eventually("it is refused") {
                            try await fleet.conditions("DataPlane", "dataplane-1")["CredentialsValid"]
                        } until: {
                            $0?.status == "False"
                        }
                    }
                    try await put(tokens[2])
                    try await fleet.settles(1)
                    for fault in [
                        Fault.status(401), .status(403), .status(500), .resetInBody, .truncateBody, .emptyObject,
                    ] {
                        fleet[1].faults.add(fault, match: .init(userAgent: "squadron"), count: 6)
                        fleet.controlPlane.faults.add(fault, match: .init(userAgent: "squadron"), count: 6)
                        fleet[1].endWatches(.reset)
                        try await eventually("it is used up") { fleet[1].faults.totalHits >= 6 }
                    }
                    for fault in CertificateFault.allCases {
                        try await fleet[2].rotateCertificate(fault: fault)
                        _ = try await eventually("it is told") {
                            try await fleet.conditions("DataPlane", "dataplane-2")["Reachable"]
                        } until: {
                            $0?.status == "False"
                        }
                        try await fleet[2].heal()
                    }
                    try await fleet.settles(1, within: .seconds(90))
                    metrics = squadron.metricsText
                }
                let endpointToken = try await fleet.admin.token(of: "squadron")
                var seen = fleet.log.lines.joined(separator: "\n") + metrics
                for kind in [
                    "Event", "DataPlane", "ExecutionLabel", "ExecutionClusterLabel", "ClusterRegistry", "Lease",
                ] {
                    for object in try await fleet.admin.list(kind) { seen += object.serializedString }
                }
                for server in fleet.dataPlanes {
                    for kind in ["Namespace", "Event"] {
                        for object in try await server.admin.list(kind) { seen += object.serializedString }
                    }
                }
                #expect(seen.utf8.count > 10_000)
                expectNone(of: tokens + wrong + [endpointToken], in: seen)
                #expect(!seen.contains("PRIVATE KEY"))

                // The same for the process: everything that others can see of it, and all that it prints.
                let squadron = try await fleet.startProcess(["--log-level", "trace"])
                try await fleet.admin.apply(assignment("project2", "staging"))
                try await fleet.settles(2)
                let folder = "/proc/\(squadron.identifier)"
                var visible = try Data(contentsOf: URL(filePath: "\(folder)/cmdline"))
                visible += try Data(contentsOf: URL(filePath: "\(folder)/environ"))
                try await squadron.terminate()
                expectNone(of: tokens, in: String(decoding: visible, as: UTF8.self) + squadron.output)
            }
        }

        @Test(
            "A replaced token leaves the process's memory soon after its last requests end",
            .disabled(if: isUnderSanitizer, "its shadow of the memory can't be searched"))
        func memory() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                let squadron = try await fleet.startProcess()
                try await fleet.settles(1)
                var token = try #require(try await fleet.token(1))
                for round in 1...2 {
                    #expect(!(try places(of: token, in: squadron.identifier).isEmpty), "what is in use is found")
                    let old = token
                    token = try await fleet[1].admin.token(of: "squadron")
                    try await fleet.admin.merge(
                        "Secret", "cluster-credentials",
                        [
                            "stringData": ["dataplane_1_token": .string(token)],
                            "metadata": ["annotations": [Self.lastApplied: .string(Self.copy(of: token))]],
                        ])
                    try await fleet.admin.apply(assignment("after\(round)", "staging"))
                    try await fleet.settles(1 + round)
                    // A watch that began with the old token goes on, and libcurl keeps the headers of its request.
                    fleet[1].endWatches()
                    try await eventually("the old one is gone") {
                        try places(of: old, in: squadron.identifier)
                    } until: {
                        $0.isEmpty
                    }
                }
                try await squadron.terminate()
            }
        }

        /// The annotation of `kubectl apply`.
        private static let lastApplied = "kubectl.kubernetes.io/last-applied-configuration"
        private static func copy(of token: String) -> String {
            let data: JSON = ["data": ["dataplane_1_token": .string(Data(token.utf8).base64EncodedString())]]
            return data.serializedString
        }

        /// Where in a process's memory a token is, plain or in base64, with what stands before it. Left out is what only
        /// libraries hold: what libcurl and OpenSSL received last (text before it), and nghttp2's copy of a request.
        private func places(of token: String, in process: Int32) throws -> [String] {
            let maps = try String(decoding: Data(contentsOf: URL(filePath: "/proc/\(process)/maps")), as: UTF8.self)
            let memory = try FileHandle(forReadingFrom: URL(filePath: "/proc/\(process)/mem"))
            defer { try? memory.close() }
            let forms = [Data(token.utf8), Data(Data(token.utf8).base64EncodedString().utf8)]
            let theirs = [
                Data("authorization\0Bearer ".utf8), Data("\"dataplane_1_token\":\"".utf8),
                Data(#"\"dataplane_1_token\":\""#.utf8),
            ]
            var found: [String] = []
            for line in maps.split(separator: "\n") {
                let fields = line.split(separator: " ", omittingEmptySubsequences: true)
                let range = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
                guard fields[1].hasPrefix("rw"), range.count == 2 else { continue }
                try memory.seek(toOffset: range[0])
                // Some regions can't be read (the kernel's own).
                guard let bytes = try? memory.read(upToCount: Int(range[1] - range[0])) else { continue }
                for form in forms {
                    var rest = bytes.startIndex..<bytes.endIndex
                    while let place = bytes.range(of: form, in: rest) {
                        rest = place.upperBound..<bytes.endIndex
                        let before = bytes[max(bytes.startIndex, place.lowerBound - 64)..<place.lowerBound]
                        if theirs.contains(where: { before.suffix($0.count) == $0 }) { continue }
                        let text = before.map { (32..<127).contains($0) ? $0 : UInt8(ascii: ".") }
                        found.append("\(fields[0]): \(String(decoding: text, as: UTF8.self))")
                    }
                }
            }
            return found
        }

        /// Neither whole nor any piece of 16 bytes of the signature, in plain text or as base64.
        private func expectNone(of tokens: [String], in text: String) {
            let haystack = Data(text.utf8)
            for (index, token) in tokens.enumerated() {
                let secret = token.split(separator: ".").last.map(String.init) ?? token
                for start in stride(from: 0, to: max(1, secret.utf8.count - 16), by: 8) {
                    let piece = Data(Array(secret.utf8)[start..<min(secret.utf8.count, start + 16)])
                    for form in [piece, Data(piece.base64EncodedString().prefix(20).utf8)] {
                        if let range = haystack.range(of: form) {
                            let around = haystack[max(0, range.lowerBound - 120)..<range.lowerBound]
                            Issue.record("token \(index) after …\(String(decoding: around, as: UTF8.self))")
                            return
                        }
                    }
                }
            }
        }
    }
}
