import Support

/// How many bytes of bodies one server may make us hold at a time, over all of its exchanges. A body counts from the
/// arrival of its first piece until its `HTTPResponse` (more exactly: the response's `hold`) is released.
///
/// A limit for each body would not be enough: a server could send as many as there are requests.
public final class ByteAllowance: Sendable {
    /// In bytes.
    public let limit: Int
    private let used = Locked(0)

    public init(limit: Int) { self.limit = limit }

    /// Bytes that count at this moment.
    public var inUse: Int { used.withLock { $0 } }

    /// Takes nothing and returns false if that would exceed the limit.
    func take(_ count: Int) -> Bool {
        used.withLock { used in
            guard count <= limit - used else { return false }
            used += count
            return true
        }
    }

    func giveBack(_ count: Int) { used.withLock { $0 -= count } }

    /// The bytes of one body. They are given back when it is released.
    public final class Hold: Sendable {
        private let allowance: ByteAllowance
        private let count: Locked<Int>

        init(_ allowance: ByteAllowance) {
            self.allowance = allowance
            count = Locked(0)
        }

        deinit { release() }

        func release() {
            let held = count.withLock { count in
                defer { count = 0 }
                return count
            }
            if held > 0 { allowance.giveBack(held) }
        }

        var limit: Int { allowance.limit }

        func grow(by count: Int) -> Bool {
            guard allowance.take(count) else { return false }
            self.count.withLock { $0 += count }
            return true
        }
    }
}
