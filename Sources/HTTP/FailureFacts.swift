import CCurl
import Glibc

/// The facts about a transfer that libcurl gave up, and their meaning. A pure value.
struct FailureFacts {
    var code: CURLcode
    /// CURLINFO_SSL_VERIFYRESULT: OpenSSL's X509_V_ERR_….
    var verifyResult = 0
    /// CURLINFO_PROXY_SSL_VERIFYRESULT: the same of the handshake with the proxy.
    var proxyVerifyResult = 0
    /// CURLINFO_OS_ERRNO. It is valid only for a failure to connect. Later it still has the value of the handle's last
    /// failed attempt to connect, even that of an earlier exchange.
    var systemError: Int32 = 0
    /// libcurl's own words. They are passed on only for failures to connect, of TLS and of HTTP/2. Those have names,
    /// addresses and OpenSSL's reasons, and never a header or a body.
    var detail = ""
    var host: String
    var port: Int
    var proxyURL: String?
    /// CURLINFO_HTTP_CONNECTCODE: the proxy's answer to CONNECT. 0 if there is none, or if it was not asked.
    var proxyAnswer = 0
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
        case CURLE_COULDNT_CONNECT where proxyURL != nil:
            return make(.proxyFailed, "\(server): could not connect to the proxy\(systemReason)")
        case CURLE_RECV_ERROR where proxyURL != nil && !wasSent && detail.contains("CONNECT tunnel"):
            return make(.proxyFailed, "\(server): the proxy refused\(reason)")
        case CURLE_COULDNT_CONNECT:
            return make(.connectFailed, "could not connect to \(server)\(systemReason)")
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_CRL_BADFILE, CURLE_SSL_INVALIDCERTSTATUS:
            return verificationError(server)
        case CURLE_SSL_CONNECT_ERROR where isAtProxy, CURLE_RECV_ERROR where isAtProxy && !wasSent && isAlert,
            CURLE_SEND_ERROR where isAtProxy && !wasSent && isAlert:
            return make(.proxyFailed, "\(server): the TLS handshake with the proxy failed\(reason)")
        case CURLE_SSL_CONNECT_ERROR where isCutOff:
            return make(.connectFailed, "\(server) ended the connection during the TLS handshake\(reason)")
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_USE_SSL_FAILED,
            CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_CLIENTCERT:
            return make(.tlsFailed, "\(server): the TLS handshake failed\(reason)")
        // With TLS 1.3 a server refuses a client certificate only after the handshake.
        case CURLE_RECV_ERROR where isAlert, CURLE_SEND_ERROR where isAlert:
            return make(.tlsFailed, "\(server): the TLS connection was refused\(reason)")
        case CURLE_OPERATION_TIMEDOUT where !wasSent:
            return make(.timeout(.connect), "could not connect to \(server): timed out")
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE, CURLE_HTTP2,
            CURLE_HTTP2_STREAM, CURLE_ABORTED_BY_CALLBACK, CURLE_OPERATION_TIMEDOUT:
            let why = reason.isEmpty ? ": " + Self.words(code) : reason
            return make(.connectionLost, "the connection to \(server) was lost\(why)")
        // libcurl 7.88 also puts requests onto a shared connection whose tunnel through the proxy does not stand yet,
        // and then can't send them. (What was sent before on another connection changes nothing.)
        case CURLE_FAILED_INIT:
            return HTTPError(
                .connectionLost, "\(server): the connection was not ready for the request\(reason)",
                mayHaveBeenProcessed: wasSent && !detail.contains("send: "))
        case CURLE_OUT_OF_MEMORY:
            // libcurl 7.88 says this of a header line beyond its limit, too. That is by far the likelier cause.
            return make(
                .other, "\(server): the answer can't be read: a header line of more than 100 KB, or out of memory")
        case CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING, CURLE_UNSUPPORTED_PROTOCOL:
            return make(.other, "\(server): the answer can't be read: \(Self.words(code))")
        default:
            return make(.other, "\(server): \(Self.words(code))")
        }
    }

    /// Whether the other end closed the connection in the middle of the handshake without an alert. A load balancer
    /// without a server behind it does so. This does not concern certificates.
    private var isCutOff: Bool {
        ["SSL_ERROR_SYSCALL", "reset by peer", "unexpected eof", "Broken pipe"].contains { detail.contains($0) }
    }

    /// Whether the failed handshake is the one with an https proxy. The handshake with the server comes after the
    /// proxy's answer.
    private var isAtProxy: Bool { proxyAnswer == 0 && proxyURL?.lowercased().hasPrefix("https://") == true }

    /// Whether the other end gave its reason in a TLS alert.
    private var isAlert: Bool { detail.contains(" alert ") }

    private func verificationError(_ server: String) -> HTTPError {
        let kind: HTTPError.Kind
        let what: String
        switch isAtProxy ? proxyVerifyResult : verifyResult {
        case _ where code != CURLE_PEER_FAILED_VERIFICATION:
            (kind, what) = (.tlsUntrusted, "CA certificates can't be used\(reason)")
        case Verification.expired:
            (kind, what) = (.tlsExpired, "certificate has expired")
        case Verification.notYetValid:
            (kind, what) = (.tlsExpired, "certificate is not valid yet")
        // libcurl compares the names itself, after OpenSSL has accepted the chain.
        case 0, Verification.unspecified, Verification.nameMismatches:
            (kind, what) = (.tlsNameMismatch, "certificate is for another name\(reason)")
        default:
            (kind, what) = (.tlsUntrusted, "certificate is not trusted\(reason)")
        }
        return HTTPError(
            isAtProxy ? .proxyFailed : kind, "\(server): \(isAtProxy ? "the proxy's" : "the") \(what)",
            mayHaveBeenProcessed: wasSent)
    }

    static func name(_ host: String, _ port: Int) -> String { "\(host) port \(port)" }

    private var reason: String {
        // The text is made printable and short, since a part of it may come from the server's certificate.
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
