import CCurl

/// Sets options and remembers the first that libcurl refused: one that is lost silently could be VERIFYPEER.
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
    mutating func set(_ option: CURLoption, list: UnsafeMutablePointer<curl_slist>?) {
        check(squadron_easy_set_list(easy, option, list))
    }
    mutating func set(_ option: CURLoption, blob: PinnedBytes) {
        // An empty buffer has no address; libcurl wants one, and then says that there is no certificate in it.
        var nothing: UInt8 = 0
        check(
            blob.bytes.baseAddress.map { squadron_easy_set_blob(easy, option, $0, blob.bytes.count) }
                ?? squadron_easy_set_blob(easy, option, &nothing, 0))
    }

    private mutating func check(_ code: CURLcode) { if code != CURLE_OK, failure == nil { failure = code } }

    /// Seconds of silence after which a connection at the TCP level counts as dead: 15 s without traffic, then probes
    /// every 5 s. `TCP_USER_TIMEOUT` also covers data that is never acknowledged, which keepalive does not.
    static let keepAliveIdle = 15
    static let keepAliveInterval = 5
    static let userTimeoutMilliseconds: Int32 = 30_000

    /// Within how many milliseconds libcurl is to connect.
    ///
    /// An address that another one of the name follows gets half of what is left of that time: without an end, libcurl
    /// would stay for ever with a first one that swallows everything. The verdict is TransferClock's all the same:
    /// libcurl's comes later, by a quarter, a second at most. It counts from the start of an attempt, not while a
    /// transfer waits for a connection that others make or use.
    static func connectMilliseconds(_ timeouts: HTTPTimeouts) -> Int {
        let limits = [timeouts.connect, timeouts.total].compactMap { $0 }
        guard let limit = limits.min() else { return Int(Int32.max) }
        let later: Duration = limit + min(limit / 4, .seconds(1))
        let (seconds, attoseconds) = min(later, .milliseconds(Int(Int32.max))).components
        // 0 would be libcurl's own limit, five minutes.
        return max(1, Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
    }

    /// What all exchanges of a client share.
    mutating func setClient(_ configuration: HTTPClientConfiguration, _ material: TLSMaterial) {
        // Where it may go. Nothing that the environment or a home directory could change.
        set(CURLOPT_PROTOCOLS_STR, configuration.allowsPlainHTTP ? "https,http" : "https")
        set(CURLOPT_FOLLOWLOCATION, false)
        set(CURLOPT_PATH_AS_IS, true)
        set(CURLOPT_PROXY, configuration.proxyURL ?? "")
        set(CURLOPT_NOPROXY, "")
        set(CURLOPT_HTTPPROXYTUNNEL, configuration.proxyURL != nil)
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, true)
        set(CURLOPT_NETRC, 0)

        // TLS.
        set(CURLOPT_SSL_VERIFYPEER, true)
        set(CURLOPT_SSL_VERIFYHOST, 2)
        set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        set(CURLOPT_PROXY_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        // A resumed session would skip the verification of the server's certificate.
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

        // Connections. The timeouts are the engine's own (TransferClock); libcurl's would be told apart by guesses. The
        // one that it has is for its own use: see `connectMilliseconds`.
        set(CURLOPT_NOSIGNAL, true)
        // Else taking away a transfer that is looking up a name waits, with the whole engine, for the resolver.
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
        // Waits for a connection under way to say whether it multiplexes, instead of opening one for each request.
        set(CURLOPT_PIPEWAIT, configuration.prefersHTTP2)
        set(CURLOPT_USERAGENT, configuration.userAgent)
        set(CURLOPT_NOPROGRESS, true)
        // Both are allocated for each exchange, the second for one with a body. The defaults are 16 and 64 KB, ours are a
        // few KB: writes are many at a time, and their answers small. 16 KB is the second's minimum.
        set(CURLOPT_BUFFERSIZE, 8 << 10)
        set(CURLOPT_UPLOAD_BUFFERSIZE, 16 << 10)

        check(squadron_easy_set_data_callback(easy, CURLOPT_WRITEFUNCTION, onBody))
        check(squadron_easy_set_data_callback(easy, CURLOPT_HEADERFUNCTION, onHeader))
        check(squadron_easy_set_prerequest(easy, onRequest))
        check(squadron_easy_set_socket_option(easy, onNewSocket))
        check(squadron_easy_set_resolver_start(easy, onLookUp))
    }

    /// What the callbacks get. Nil at the end of an exchange: the handle may outlive it.
    mutating func setContext(_ context: UnsafeMutableRawPointer?) {
        set(CURLOPT_PRIVATE, pointer: context)
        set(CURLOPT_WRITEDATA, pointer: context)
        set(CURLOPT_HEADERDATA, pointer: context)
        set(CURLOPT_PREREQDATA, pointer: context)
        set(CURLOPT_SOCKOPTDATA, pointer: context)
        set(CURLOPT_RESOLVER_START_DATA, pointer: context)
    }

    /// What one exchange sets; each of it is set by every exchange, so that nothing of the last one stays.
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
        // Resets method and body of the last exchange.
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
