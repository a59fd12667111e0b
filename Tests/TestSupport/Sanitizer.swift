import Foundation

/// Whether this process runs under ThreadSanitizer or AddressSanitizer. They map terabytes of shadow memory.
public let isUnderSanitizer: Bool = {
    let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
    return maps.split(separator: "\n").contains { line in
        let range = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt64($0, radix: 16) }
        return range.count == 2 && range[1] - range[0] > 1 << 39
    }
}()

/// The factor for the time limits of tests. A sanitizer makes everything some ten times slower, and is run for its own
/// reports.
public let patience = isUnderSanitizer ? 10 : 1
