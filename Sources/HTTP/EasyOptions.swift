import CCurl
import Glibc
import Support

/// Sets options, and remembers the first option that libcurl refused. An option that is lost silently could be
/// VERIFYPEER.
struct EasyOptions {
    private let easy: UnsafeMutableRawPointer
    private(set) var failure: CURLcode?

    init(_ easy: UnsafeMutableRawPointer) { self.easy = easy }

    mutating func set(_ option: CURLoption, _ value: Int) { check(squadron_easy_set_long(easy, option, value)) }
    mutating func set(_ option: CURLoption, _ flag: Bool) { set(option, flag ? 1 : 0) }
    mutating func set(_ option: CURLoption, _ text: String?) { check(squadron_easy_set_text(easy, option, text)) }
    mutating func set(_ option: CURLoption, pointer: UnsafeRawPointer?) {
        check(squadron_easy_set_pointer(easy, option, pointer))
    }
    /// libcurl keeps a copy, which is zeroed when the handle goes.
    mutating func set(_ option: CURLoption, secret: Sensitive) {
        var text = secret.withBytes { $0.map { CChar(bitPattern: $0) } } + [0]
        check(squadron_easy_set_text(easy, option, text))
        text.withUnsafeMutableBytes { bytes in _ = bytes.baseAddress.map { explicit_bzero($0, bytes.count) } }
    }
    mutating func set(_ option: CURLoption, list: UnsafeMutablePointer<curl_slist>?) {
        check(squadron_easy_set_list(easy, option, list))
    }
    mutating func set(_ option: CURLoption, blob: PinnedBytes) {
        // An empty buffer has no address, and libcurl wants one. It then says that the buffer has no certificate.
        var nothing: UInt8 = 0
        check(
            blob.bytes.baseAddress.map { squadron_easy_set_blob(easy, option, $0, blob.bytes.count) }
                ?? squadron_easy_set_blob(easy, option, &nothing, 0))
    }

    private mutating func check(_ code: CURLcode) { if code != CURLE_OK, failure == nil { failure = code } }

    /// TCP sends the first keepalive probe after this many seconds without traffic, and then one every 5 s.
    /// `TCP_USER_TIMEOUT` also covers data that is never acknowledged, which keepalive does not.
    static let keepAliveIdle = 15
    static let keepAliveInterval = 5
    static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"
    static let userTimeoutMilliseconds: Int32 = 30_000

    /// Within how many milliseconds libcurl must connect.
    ///
    /// If a name has more addresses, each but the last gets half of the time that is left. Without a limit libcurl
    /// would stay for ever with a first address that swallows everything. TransferClock still decides about a timeout:
    /// libcurl's own limit comes later, by a quarter, at most by a second. The time counts from the start of an
    /// attempt, not while a transfer waits for a connection that others make or use.
    static func connectMilliseconds(_ timeouts: HTTPTimeouts) -> Int {
        let limits = [timeouts.connect, timeouts.total].compactMap { $0 }
        guard let limit = limits.min() else { return Int(Int32.max) }
        let later: Duration = limit + min(limit / 4, .seconds(1))
        let (seconds, attoseconds) = min(later, .milliseconds(Int(Int32.max))).components
        // 0 would mean libcurl's own limit, five minutes.
        return max(1, Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
    }

    /// What all exchanges of a client share.
    mutating func setClient(_ configuration: HTTPClientConfiguration, _ material: TLSMaterial) {
        // These options limit the hosts that it may connect to. Neither the environment nor a home directory can change them.
        set(CURLOPT_PROTOCOLS_STR, configuration.allowsPlainHTTP ? "https,http" : "https")
        set(CURLOPT_FOLLOWLOCATION, false)
        set(CURLOPT_PATH_AS_IS, true)
        set(CURLOPT_PROXY, configuration.proxyURL ?? "")
        set(CURLOPT_NOPROXY, "")
        if let login = configuration.proxyLogin {
            set(CURLOPT_PROXYUSERNAME, secret: login.user)
            set(CURLOPT_PROXYPASSWORD, secret: login.password)
        }
        set(CURLOPT_HTTPPROXYTUNNEL, configuration.proxyURL != nil)
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, true)
        set(CURLOPT_NETRC, 0)

        // TLS.
        set(CURLOPT_SSL_VERIFYPEER, true)
        set(CURLOPT_SSL_VERIFYHOST, 2)
        set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        set(CURLOPT_PROXY_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        // With TLS 1.2 only suites with forward secrecy and authenticated encryption; TLS 1.3 has no others.
        set(CURLOPT_SSL_CIPHER_LIST, Self.ciphers)
        set(CURLOPT_PROXY_SSL_CIPHER_LIST, Self.ciphers)
        // A resumed TLS session would skip the verification of the server's certificate.
        set(CURLOPT_SSL_SESSIONID_CACHE, false)
        if let authorities = material.authorities {
            set(CURLOPT_CAINFO, nil)
            set(CURLOPT_CAPATH, nil)
            set(CURLOPT_CAINFO_BLOB, blob: authorities)
        }
        if let certificate = material.certificate {
            set(CURLOPT_SSLCERTTYPE, "PEM")
            set(CURLOPT_SSLCERT_BLOB, blob: certificate)
        }
        if let key = material.key {
            set(CURLOPT_SSLKEYTYPE, "PEM")
            set(CURLOPT_SSLKEY_BLOB, blob: key)
        }

        // Connections. The timeouts are the engine's own (TransferClock), since libcurl's can't be told apart for
        // certain. The one timeout that libcurl gets is for its own use: see `connectMilliseconds`.
        set(CURLOPT_NOSIGNAL, true)
        // Without this, removing a transfer that looks up a name waits for the resolver, and the whole engine waits
        // with it.
        set(CURLOPT_QUICK_EXIT, true)
        set(CURLOPT_DNS_CACHE_TIMEOUT, 10)
        set(CURLOPT_MAXAGE_CONN, 90)
        set(CURLOPT_TCP_NODELAY, true)
        set(CURLOPT_TCP_KEEPALIVE, true)
        set(CURLOPT_TCP_KEEPIDLE, Self.keepAliveIdle)
        set(CURLOPT_TCP_KEEPINTVL, Self.keepAliveInterval)

        // HTTP.
        let version = configuration.prefersHTTP2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1
        set(CURLOPT_HTTP_VERSION, Int(version))
        // A request waits until a connection under way says whether it multiplexes, instead of opening one of its own.
        set(CURLOPT_PIPEWAIT, configuration.prefersHTTP2)
        set(CURLOPT_USERAGENT, configuration.userAgent)
        set(CURLOPT_NOPROGRESS, true)
        // libcurl allocates the first for each exchange, and the second for each exchange with a body. The defaults are
        // 16 and 64 KB. Ours are smaller, since there are many writes at a time and their answers are small. The
        // minimum of the second is 16 KB.
        set(CURLOPT_BUFFERSIZE, 8 << 10)
        set(CURLOPT_UPLOAD_BUFFERSIZE, 16 << 10)

        check(squadron_easy_set_data_callback(easy, CURLOPT_WRITEFUNCTION, onBody))
        check(squadron_easy_set_data_callback(easy, CURLOPT_HEADERFUNCTION, onHeader))
        check(squadron_easy_set_prerequest(easy, onRequest))
        check(squadron_easy_set_socket_option(easy, onNewSocket))
        check(squadron_easy_set_resolver_start(easy, onLookUp))
    }

    /// The context of the callbacks. Nil at the end of an exchange, since the handle may outlive it.
    mutating func setContext(_ context: UnsafeMutableRawPointer?) {
        set(CURLOPT_PRIVATE, pointer: context)
        set(CURLOPT_WRITEDATA, pointer: context)
        set(CURLOPT_HEADERDATA, pointer: context)
        set(CURLOPT_PREREQDATA, pointer: context)
        set(CURLOPT_SOCKOPTDATA, pointer: context)
        set(CURLOPT_RESOLVER_START_DATA, pointer: context)
    }

    /// The options of one exchange. Every exchange sets all of them, so that nothing of the last one stays.
    mutating func setRequest(
        _ request: HTTPRequest, url: String, headers: UnsafeMutablePointer<curl_slist>?,
        connectTo: UnsafeMutablePointer<curl_slist>?, addresses: UnsafeMutablePointer<curl_slist>?
    ) {
        set(CURLOPT_URL, url)
        set(CURLOPT_CONNECTTIMEOUT_MS, Self.connectMilliseconds(request.timeouts))
        set(CURLOPT_CONNECT_TO, list: connectTo)
        set(CURLOPT_RESOLVE, list: addresses)
        set(CURLOPT_HTTPHEADER, list: headers)
        let acceptsGzip = request.headers["Accept-Encoding"].map { $0.lowercased() == "gzip" } ?? false
        set(CURLOPT_ACCEPT_ENCODING, acceptsGzip ? "gzip" : nil)
        // This resets the method and the body of the last exchange.
        set(CURLOPT_HTTPGET, true)
        set(CURLOPT_CUSTOMREQUEST, nil)
        switch request.method {
        case .get where request.body == nil: break
        case .head: set(CURLOPT_NOBODY, true)
        case .delete where request.body == nil: set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        case .get, .delete, .post, .put, .patch:
            // libcurl's copy lives until `clearRequest` or the next exchange.
            let body = request.body ?? []
            check(squadron_easy_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)))
            body.withUnsafeBytes { bytes in
                bytes.baseAddress.map { set(CURLOPT_COPYPOSTFIELDS, pointer: $0) } ?? set(CURLOPT_COPYPOSTFIELDS, "")
            }
            set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        }
    }

    /// Leaves no pointer into the exchange and no copy of its body.
    mutating func clearRequest() {
        setContext(nil)
        set(CURLOPT_HTTPHEADER, list: nil)
        set(CURLOPT_CONNECT_TO, list: nil)
        set(CURLOPT_RESOLVE, list: nil)
        set(CURLOPT_POSTFIELDS, nil)
    }
}
