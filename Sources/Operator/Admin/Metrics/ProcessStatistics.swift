#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What Linux says of this process, as Prometheus' clients report it.
struct ProcessStatistics: Sendable, Hashable {
    var cpuSeconds: Double
    /// Seconds since 1970.
    var startTime: Double
    var residentBytes: UInt64
    var virtualBytes: UInt64
    var threads: Int
    var openFiles: Int
    var maxFiles: UInt64

    /// Nil without /proc.
    static func read() -> ProcessStatistics? {
        guard let stat = text("/proc/self/stat"), let boot = text("/proc/stat").flatMap(bootTime) else { return nil }
        var limit = rlimit()
        #if canImport(Glibc)
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #endif
        return ProcessStatistics(
            stat: stat, bootTime: boot, ticks: Double(sysconf(Int32(_SC_CLK_TCK))),
            pageSize: UInt64(clamping: sysconf(Int32(_SC_PAGESIZE))), openFiles: count("/proc/self/fd"),
            maxFiles: UInt64(limit.rlim_cur))
    }

    /// - Parameter stat: `/proc/self/stat`. Its second field may contain anything, even blanks and brackets.
    init?(stat: String, bootTime: Double, ticks: Double, pageSize: UInt64, openFiles: Int, maxFiles: UInt64) {
        guard let end = stat.lastIndex(of: ")"), ticks > 0 else { return nil }
        // The fields from the third one on.
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 21, let user = Double(fields[11]), let system = Double(fields[12]),
            let threads = Int(fields[17]), let start = Double(fields[19]), let size = UInt64(fields[20]),
            let pages = UInt64(fields[21])
        else { return nil }
        cpuSeconds = (user + system) / ticks
        startTime = bootTime + start / ticks
        residentBytes = pages.multipliedReportingOverflow(by: pageSize).partialValue
        virtualBytes = size
        self.threads = threads
        self.openFiles = openFiles
        self.maxFiles = maxFiles
    }

    /// `btime` of `/proc/stat`.
    static func bootTime(_ stat: String) -> Double? {
        stat.split(separator: "\n").first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst(6)) }
    }

    /// Reads a file of any length: `/proc/stat` has a line for each processor, and one line that is very long.
    private static func text(_ path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 256 << 10)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// The number of entries of a folder, without the descriptor that reads it.
    private static func count(_ folder: String) -> Int {
        guard let entries = opendir(folder) else { return 0 }
        defer { closedir(entries) }
        var count = -1
        while let entry = readdir(entries) {
            if entry.pointee.d_name.0 != UInt8(ascii: ".") { count += 1 }
        }
        return max(0, count)
    }
}
