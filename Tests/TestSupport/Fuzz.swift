import Foundation
import Support

/// Runs `check` on a small corpus and on random changes of it. What it looks for is a trap, which ends the process, and a
/// failed expectation. In the suite it is short and always the same. With `SQUADRON_FUZZ_SECONDS` it takes that long, from a
/// random seed; `SQUADRON_FUZZ_LAST` then names a file that holds the last input when the process ends.
package func fuzz(
    _ corpus: [[UInt8]], rounds: Int = 2_000, seed: UInt64 = 1, _ check: ([UInt8]) throws -> Void
) throws {
    let environment = ProcessInfo.processInfo.environment
    let seconds = environment["SQUADRON_FUZZ_SECONDS"].flatMap { Double($0) }
    let last = environment["SQUADRON_FUZZ_LAST"].flatMap { FileHandle(forUpdatingAtPath: $0) }
    let seed = seconds == nil ? seed : .random(in: .min ... .max)
    let end = ContinuousClock.now + .seconds(seconds ?? 0)
    var mutator = Mutator(corpus, seed: seed)
    var round = 0
    for input in corpus { try check(input) }
    while seconds == nil ? round < rounds / patience : ContinuousClock.now < end {
        let input = mutator.next()
        if let last {
            try last.truncate(atOffset: 0)
            try last.write(contentsOf: Data(input))
        }
        try check(input)
        round += 1
    }
    if seconds != nil { report("fuzz: seed \(seed), \(round) inputs") }
}

package func fuzz(_ corpus: [String], rounds: Int = 2_000, _ check: ([UInt8]) throws -> Void) throws {
    try fuzz(corpus.map { Array($0.utf8) }, rounds: rounds, check)
}

/// The same for a check that takes time: it makes its input from a number, and `workers` run side by side. In the suite the
/// numbers are 1 to `rounds`. With `SQUADRON_FUZZ_SECONDS` they start at random, or at `SQUADRON_FUZZ_SEED`, and the file
/// that `SQUADRON_FUZZ_LAST` names holds the last one.
package func fuzz(
    rounds: Int, workers: Int, _ check: @escaping @Sendable (UInt64) async throws -> Void
) async throws {
    let environment = ProcessInfo.processInfo.environment
    let seconds = environment["SQUADRON_FUZZ_SECONDS"].flatMap { Double($0) }
    let given = environment["SQUADRON_FUZZ_SEED"].flatMap { UInt64($0) }
    let first = seconds == nil ? 1 : given ?? .random(in: 1 ... .max / 2)
    let end = ContinuousClock.now + .seconds(seconds ?? 0)
    let last = environment["SQUADRON_FUZZ_LAST"]
    let next = Locked(first)
    try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<workers {
            group.addTask {
                while true {
                    let number = next.withLock { next in
                        defer { next += 1 }
                        return next
                    }
                    guard seconds == nil ? number <= UInt64(rounds / patience) : ContinuousClock.now < end else {
                        return
                    }
                    if let last { try "\(number)\n".write(toFile: last, atomically: false, encoding: .utf8) }
                    try await check(number)
                }
            }
        }
        try await group.waitForAll()
    }
    if seconds != nil { report("fuzz: numbers from \(first), \(next.withLock { $0 } - first) inputs") }
}

/// Changes inputs at random: bits, bytes, ranges, numbers at the ends of their types, parts of other inputs.
package struct Mutator {
    private let corpus: [[UInt8]]
    private var random: SeededRandom
    private static let longest = 64 << 10

    private static let words: [[UInt8]] =
        [
            "0", "-1", "1e400", "1e-400", "9223372036854775807", "-9223372036854775808", "18446744073709551616", "0x7f",
            "NaN",
            "\0", "\u{1b}[31m", "\r\n", "\n", "\u{feff}", "\u{202e}", "\"", "\\u0000", "\\ud800", "{", "}", "[", "]",
            ":", ",",
            "&a", "*a", "<<", "!!", "---", "%", "=", ".", "/", "@", "null", "true", "-----BEGIN CERTIFICATE-----",
            "-----END CERTIFICATE-----", "9999-12-31T23:59:59Z", "0000-00-00T00:00:00Z", "Ki", "Ei", "ms", "h",
            "{{ x }}",
        ].map { Array($0.utf8) } + [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]

    package init(_ corpus: [[UInt8]], seed: UInt64) {
        self.corpus = corpus
        random = SeededRandom(seed: seed)
    }

    package mutating func next() -> [UInt8] {
        var bytes = corpus.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 1...6, using: &random) { change(&bytes) }
        return bytes.count > Self.longest ? Array(bytes.prefix(Self.longest)) : bytes
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        let length = min(Int.random(in: 1...16, using: &random), bytes.count - place)
        let range = place..<(place + length)
        switch Int.random(in: 0..<9, using: &random) {
        case 0 where length > 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1 where length > 0: bytes[place] = .random(in: .min ... .max, using: &random)
        case 2: bytes.removeSubrange(range)
        case 3: bytes.insert(contentsOf: Array(bytes[range]), at: place)
        case 4: bytes.removeSubrange(place...)
        case 5:
            guard let other = corpus.randomElement(using: &random), !other.isEmpty else { return }
            let start = Int.random(in: 0..<other.count, using: &random)
            bytes.replaceSubrange(range, with: other[start..<min(start + 64, other.count)])
        case 6:
            let part = Array(bytes[range])
            for _ in 0..<Int.random(in: 2...200, using: &random) { bytes.insert(contentsOf: part, at: place) }
        default: bytes.replaceSubrange(range, with: Self.words.randomElement(using: &random) ?? [])
        }
    }
}
