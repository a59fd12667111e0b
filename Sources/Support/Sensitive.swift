#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Bytes that must not be shown: a token, a private key.
///
/// It prints as `<redacted>`, also inside of other values, and its memory is zeroed when the last reference goes.
/// Copies that a caller makes out of `withBytes` are the caller's to clear.
public final class Sensitive: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    // It is safe to share, since it is written once in `init` and read-only until `deinit`.
    private nonisolated(unsafe) let storage: UnsafeMutableRawBufferPointer

    public init(_ bytes: some Sequence<UInt8>) {
        var staging = ContiguousArray(bytes)
        storage = .allocate(byteCount: staging.count, alignment: 1)
        staging.withUnsafeMutableBytes {
            storage.copyMemory(from: UnsafeRawBufferPointer($0))
            if let base = $0.baseAddress { explicit_bzero(base, $0.count) }
        }
    }

    public convenience init(_ text: String) { self.init(text.utf8) }

    deinit {
        if let base = storage.baseAddress { explicit_bzero(base, storage.count) }
        storage.deallocate()
    }

    public var count: Int { storage.count }
    public var isEmpty: Bool { storage.isEmpty }

    /// The bytes, for the duration of `body` only.
    public func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(storage))
    }

    public static func == (left: Sensitive, right: Sensitive) -> Bool {
        left === right || (left.storage.count == right.storage.count && left.storage.elementsEqual(right.storage))
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(bytes: UnsafeRawBufferPointer(storage)) }

    public var description: String { "<redacted>" }
    public var debugDescription: String { "<redacted>" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
