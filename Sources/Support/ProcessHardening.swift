import CProcess

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a process that holds many clusters' tokens does at its start: before it has read one, and before another thread
/// could read the environment (`unsetenv` beside a `getenv` is not safe).
public enum ProcessHardening {
    /// A limit of the system could not be set.
    public struct Refused: Error, CustomStringConvertible {
        public var description: String
    }

    /// Variables that could harm TLS. Somebody who can only set the environment could use them to read TLS, change what
    /// it trusts, load code into it, or redirect connections. They belong to libcurl (`SSLKEYLOGFILE` and `CURL_*`),
    /// OpenSSL (its configuration names modules to load) and the C library's resolver. Only the operator's objects and
    /// flags say what it trusts and which proxy it uses.
    public static let variables =
        ["SSLKEYLOGFILE", "CURL_CA_BUNDLE", "CURL_HOME", "CURL_SSL_BACKEND"]
        + ["OPENSSL_CONF", "OPENSSL_CONF_INCLUDE", "OPENSSL_ENGINES", "OPENSSL_MODULES"]
        + ["SSL_CERT_FILE", "SSL_CERT_DIR", "SSL_DIR", "CTLOG_FILE"]
        + ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"]
        + ["HOSTALIASES", "LOCALDOMAIN", "RES_OPTIONS"]

    /// Removes them from the environment. Returns the names of those that were set.
    public static func clearEnvironment() -> [String] {
        variables.filter { name in
            guard getenv(name) != nil else { return false }
            unsetenv(name)
            return true
        }
    }

    /// Forbids core files, and access of this user's other processes to the memory.
    public static func forbidCoreDumps() throws(Refused) {
        let code = squadron_forbid_core_dumps()
        guard code == 0 else { throw Refused(description: "core dumps can't be forbidden: \(text(code))") }
    }

    /// Raises the soft limit of open files to the hard one, and returns it. A container's soft limit is often 1024, for
    /// programs that use `select`. A fleet of 500 data planes needs more.
    @discardableResult
    public static func raiseOpenFileLimit() throws(Refused) -> UInt64 {
        var limit: UInt64 = 0
        let code = squadron_raise_open_files(&limit)
        guard code == 0 else { throw Refused(description: "the limit of open files can't be raised: \(text(code))") }
        return limit
    }

    private static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}
