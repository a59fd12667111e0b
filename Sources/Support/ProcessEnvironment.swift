#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The environment variables of this process.
public enum ProcessEnvironment {
    /// The variables among `names` that are set.
    public static func values(_ names: [String]) -> [String: String] {
        var values: [String: String] = [:]
        for name in names {
            if let value = getenv(name) { values[name] = String(cString: value) }
        }
        return values
    }
}
