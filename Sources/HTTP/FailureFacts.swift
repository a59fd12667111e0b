import CCurl
import Glibc

/// What is known of a transfer that libcurl gave up, and what it means. A pure value.
struct FailureFacts {
    var code: CURLcode
    /// CURLINFO_SSL_VERIFYRESULT: OpenSSL's X509_V_ERR_….
    var verifyResult = 0
    /// CURLINFO_OS_ERRNO.
    var systemError: Int32 = 0
    /// libcurl's own words. Passed on for failures to connect, of TLS and HTTP/2 only: they hold names, addresses and
    /// OpenSSL's reasons, never a header or a body.
    var detail = ""
    var host: String
    var port: Int
    var usesProxy = false
    /// Whether a byte of the request may have left.
    var wasSent = false

    private enum Verification {
        static let unspecified = 1, notYetValid = 9, expired = 10
        static let nameMismatches = 62...64
    }

    var error: HTTPError {
        let server = Self.name(host, port)
        func make(_ kind: HTTPError.Kind, _ message: String) -> HTTPError {
            HTTPError(kind, message, mayHaveBeenProcessed: wasSent)
        }
        switch code {
        case CURLE_URL_MALFORMAT:
            return make(.invalidRequest, "\(server): the URL can't be used")
        case CURLE_COULDNT_RESOLVE_PROXY, CURLE_PROXY:
            return make(.proxyFailed, "\(server): the proxy can't be reached\(reason)")
        case CURLE_COULDNT_RESOLVE_HOST:
            return make(.dnsFailed, "could not resolve the host \(host)")
        case CURLE_COULDNT_CONNECT where usesProxy:
            return make(.proxyFailed, "\(server): could not connect to the proxy\(systemReason)")
        case CURLE_RECV_ERROR where usesProxy && !wasSent && detail.contains("CONNECT tunnel"):
            return make(.proxyFailed, "\(server): the proxy refused\(reason)")
        case CURLE_COULDNT_CONNECT:
            return make(.connectFailed, "could not connect to \(server)\(systemReason)")
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_CRL_BADFILE, CURLE_SSL_INVALIDCERTSTATUS:
            return verificationError(server)
        case CURLE_SSL_CONNECT_ERROR where isCutOff:
            return make(.connectFailed, "\(server) ended the connection during the TLS handshake\(reason)")
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_USE_SSL_FAILED,
            CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_CLIENTCERT:
            return make(.tlsFailed, "\(server): the TLS handshake failed\(reason)")
        // With TLS 1.3 the server refuses a client certificate only after the handshake.
        case CURLE_RECV_ERROR where detail.contains(" alert "), CURLE_SEND_ERROR where detail.contains(" alert "):
            return make(.tlsFailed, "\(server): the TLS connection was refused\(reason)")
        case CURLE_OPERATION_TIMEDOUT where !wasSent:
            return make(.timeout(.connect), "could not connect to \(server): timed out")
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE, CURLE_HTTP2,
            CURLE_HTTP2_STREAM, CURLE_ABORTED_BY_CALLBACK, CURLE_OPERATION_TIMEDOUT:
            let known = systemReason.isEmpty ? reason : systemReason
            let why = known.isEmpty ? ": " + Self.words(code) : known
            return make(.connectionLost, "the connection to \(server) was lost\(why)")
        case CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING, CURLE_UNSUPPORTED_PROTOCOL,
            CURLE_OUT_OF_MEMORY:
            // "Out of memory" is also what 7.88 says of a header line beyond its limits (100 KB).
            return make(.other, "\(server): the answer can't be read: \(Self.words(code))")
        default:
            return make(.other, "\(server): \(Self.words(code))")
        }
    }

    /// Whether the other end went away in the middle of the handshake instead of saying what is wrong with it: so does a
    /// load balancer that has nobody behind it. That is no matter of certificates.
    private var isCutOff: Bool {
        ["SSL_ERROR_SYSCALL", "reset by peer", "unexpected eof", "Broken pipe"].contains { detail.contains($0) }
    }

    private func verificationError(_ server: String) -> HTTPError {
        let kind: HTTPError.Kind
        let message: String
        switch verifyResult {
        case _ where code != CURLE_PEER_FAILED_VERIFICATION:
            (kind, message) = (.tlsUntrusted, "\(server): the CA certificates can't be used\(reason)")
        case Verification.expired:
            (kind, message) = (.tlsExpired, "\(server): the certificate has expired")
        case Verification.notYetValid:
            (kind, message) = (.tlsExpired, "\(server): the certificate is not valid yet")
        // libcurl compares the names itself, after OpenSSL found nothing wrong with the chain.
        case 0, Verification.unspecified, Verification.nameMismatches:
            (kind, message) = (.tlsNameMismatch, "\(server): the certificate is for another name\(reason)")
        default:
            (kind, message) = (.tlsUntrusted, "\(server): the certificate is not trusted\(reason)")
        }
        return HTTPError(kind, message, mayHaveBeenProcessed: wasSent)
    }

    static func name(_ host: String, _ port: Int) -> String { "\(host) port \(port)" }

    private var reason: String {
        // Printable and short: part of it may come from the server's certificate.
        let text = detail.unicodeScalars.prefix(200).filter { $0.value >= 0x20 && $0.value < 0x7f }
        return text.isEmpty ? "" : ": " + String(String.UnicodeScalarView(text))
    }

    private var systemReason: String {
        guard systemError != 0 else { return "" }
        // strerror's buffer is the thread's own in glibc.
        return strerror(systemError).map { ": " + String(cString: $0) } ?? ""
    }

    static func words(_ code: CURLcode) -> String {
        curl_easy_strerror(code).map { String(cString: $0) } ?? "error \(code.rawValue)"
    }
}
