import Foundation

/// Whether this process runs under ThreadSanitizer or AddressSanitizer: their shadow of the memory, terabytes of nothing,
/// is mapped.
public let isUnderSanitizer: Bool = {
    let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
    return maps.split(separator: "\n").contains { line in
        let range = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt64($0, radix: 16) }
        return range.count == 2 && range[1] - range[0] > 1 << 39
    }
}()

/// By what a test multiplies the time that it gives something to happen in: a sanitizer makes everything some ten times
/// slower, and what it is run for are its own reports.
public let patience = isUnderSanitizer ? 10 : 1
