import CCurl
import Glibc

/// One libcurl easy handle. The options that all requests of a client share are set once. Exchanges use it one after
/// the other, which saves some thirty options, their copies and the handle itself for each request.
final class EasyHandle {
    let raw: UnsafeMutableRawPointer
    /// libcurl writes its error text here: CURL_ERROR_SIZE bytes, always with a NUL at the end.
    private let errorText: UnsafeMutablePointer<CChar>
    /// Called with 1 when the handle is made, and with -1 when it goes.
    private let count: (Int) -> Void
    /// libcurl has allocated its buffer for uploads, and keeps it.
    var hasSentBody = false

    /// Nil if memory is short or libcurl refuses an option. `material` must outlive the handle.
    init?(_ configuration: HTTPClientConfiguration, _ material: TLSMaterial, count: @escaping (Int) -> Void) {
        guard let raw = curl_easy_init() else { return nil }
        self.raw = raw
        self.count = count
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        var options = EasyOptions(raw)
        options.setClient(configuration, material)
        options.set(CURLOPT_ERRORBUFFER, pointer: errorText)
        // All stored properties are set, so `deinit` cleans up from here on.
        count(1)
        guard options.failure == nil else { return nil }
    }

    deinit {
        curl_easy_cleanup(raw)
        errorText.deallocate()
        count(-1)
    }

    var lastError: String { String(cString: errorText) }
    func clearLastError() { errorText[0] = 0 }
}

/// Bytes at a fixed address, to which libcurl points. They are zeroed at the end.
final class PinnedBytes {
    let bytes: UnsafeMutableRawBufferPointer

    init(_ source: UnsafeRawBufferPointer) {
        bytes = .allocate(byteCount: source.count, alignment: 1)
        bytes.copyMemory(from: source)
    }

    deinit {
        if let base = bytes.baseAddress { explicit_bzero(base, bytes.count) }
        bytes.deallocate()
    }
}

/// The CA and the identity of a client, in memory to which libcurl points, and never in a file. libcurl and OpenSSL
/// make copies of their own for each connection.
struct TLSMaterial {
    let authorities: PinnedBytes?
    let certificate: PinnedBytes?
    let key: PinnedBytes?

    init(_ configuration: TLSConfiguration) {
        authorities = configuration.caCertificates.map { $0.withUnsafeBytes { PinnedBytes($0) } }
        certificate = configuration.clientCertificate.map { $0.withUnsafeBytes { PinnedBytes($0) } }
        key = configuration.clientKey.map { $0.withBytes { PinnedBytes($0) } }
    }
}
