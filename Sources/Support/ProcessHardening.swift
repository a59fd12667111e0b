import CProcess

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a process that holds many clusters' tokens does at its start, before it has read one, and before another thread
/// could read the environment (`unsetenv` beside a `getenv` is not safe).
public enum ProcessHardening {
    /// A limit of the system could not be set.
    public struct Refused: Error, CustomStringConvertible {
        public var description: String
    }

    /// Variables by which somebody who can only set the environment could read TLS, change what it trusts, load code
    /// into it, or send connections elsewhere: libcurl (`SSLKEYLOGFILE` and `CURL_*`), OpenSSL (its configuration names
    /// modules to load), the C library's resolver. What the operator trusts and which proxy it takes are in its
    /// objects and flags only.
    public static let variables =
        ["SSLKEYLOGFILE", "CURL_CA_BUNDLE", "CURL_HOME", "CURL_SSL_BACKEND"]
        + ["OPENSSL_CONF", "OPENSSL_CONF_INCLUDE", "OPENSSL_ENGINES", "OPENSSL_MODULES"]
        + ["SSL_CERT_FILE", "SSL_CERT_DIR", "SSL_DIR", "CTLOG_FILE"]
        + ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"]
        + ["HOSTALIASES", "LOCALDOMAIN", "RES_OPTIONS"]

    /// Takes them out of the environment, and gives the names of those that were set.
    public static func clearEnvironment() -> [String] {
        variables.filter { name in
            guard getenv(name) != nil else { return false }
            unsetenv(name)
            return true
        }
    }

    /// No core file; and no other process of this user may read this one's memory.
    public static func forbidCoreDumps() throws(Refused) {
        let code = squadron_forbid_core_dumps()
        guard code == 0 else { throw Refused(description: "core dumps can't be forbidden: \(text(code))") }
    }

    /// Raises the soft limit of open files to the hard one, and gives the limit. A container's soft limit is often 1024,
    /// for the sake of programs that use `select`; a fleet of 500 data planes needs more.
    @discardableResult
    public static func raiseOpenFileLimit() throws(Refused) -> UInt64 {
        var limit: UInt64 = 0
        let code = squadron_raise_open_files(&limit)
        guard code == 0 else { throw Refused(description: "the limit of open files can't be raised: \(text(code))") }
        return limit
    }

    private static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}
