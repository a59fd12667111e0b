import CCurl
import Glibc
import Support

/// Lines in the form that libcurl reads (`curl_slist`), in one block of our own memory. That is one allocation for each
/// request, and it can be zeroed.
///
/// libcurl keeps the pointer and copies nothing at this stage, so the list must outlive the transfer. It copies the
/// lines when it sends them. Its own buffers are zeroed when it frees them (`squadron_global_init`). Those of nghttp2
/// and OpenSSL are not, and we can't reach them.
struct HeaderList: ~Copyable {
    private let memory: UnsafeMutableRawBufferPointer

    /// Nil for no lines.
    var first: UnsafeMutablePointer<curl_slist>? {
        memory.isEmpty ? nil : memory.baseAddress?.assumingMemoryBound(to: curl_slist.self)
    }

    /// The last line may end in bytes that must not become a `String`.
    init(_ lines: [String], secretLine prefix: StaticString = "", _ secret: Sensitive? = nil) {
        let count = lines.count + (secret == nil ? 0 : 1)
        let stride = MemoryLayout<curl_slist>.stride
        var size = count * stride
        for line in lines { size += line.utf8.count + 1 }
        if let secret { size += prefix.utf8CodeUnitCount + secret.count + 1 }
        guard count > 0 else {
            memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            return
        }
        memory = .allocate(byteCount: size, alignment: MemoryLayout<curl_slist>.alignment)
        // The nodes come first, then the bytes of the lines, each with its NUL.
        let nodes = UnsafeMutableRawBufferPointer(rebasing: memory[..<(count * stride)]).bindMemory(to: curl_slist.self)
        var cursor = count * stride
        var index = 0
        func beginLine() {
            let start = memory.baseAddress.map { ($0 + cursor).assumingMemoryBound(to: CChar.self) }
            let next = index + 1 < count ? nodes.baseAddress.map { $0 + index + 1 } : nil
            nodes.initializeElement(at: index, to: curl_slist(data: start, next: next))
            index += 1
        }
        func put(_ bytes: some Sequence<UInt8>) {
            for byte in bytes {
                memory[cursor] = byte
                cursor += 1
            }
        }
        for line in lines {
            beginLine()
            put(line.utf8)
            put(CollectionOfOne(0))
        }
        if let secret {
            beginLine()
            prefix.withUTF8Buffer { put($0) }
            secret.withBytes { put($0) }
            put(CollectionOfOne(0))
        }
    }

    deinit {
        guard let base = memory.baseAddress else { return }
        explicit_bzero(base, memory.count)
        memory.deallocate()
    }
}
