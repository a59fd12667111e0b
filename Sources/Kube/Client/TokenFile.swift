import Support

/// A token in a file that something else keeps fresh. For example, the kubelet rotates a pod's token.
///
/// The file is read at most once a minute, and at once after a 401. While it can't be read, the last good token stays
/// in use. A server that does not accept that token any more says so. `bearerToken` throws only while no token could be
/// read at all.
public final class TokenFile: Authorization {
    private struct State {
        var token: Sensitive?
        /// When it was read, as time since the start. Nil means: read it before the next use.
        var readAt: Duration?
    }

    public static let interval: Duration = .seconds(60)

    private let path: String
    private let now: @Sendable () -> Duration
    private let state = Locked(State())

    public convenience init(path: String) { self.init(path: path, clock: ContinuousClock()) }

    public init<C: Clock>(path: String, clock: C) where C.Duration == Duration {
        self.path = path
        let start = clock.now
        now = { start.duration(to: clock.now) }
    }

    public func bearerToken() throws(CredentialsFailure) -> Sensitive? {
        let now = now()
        // The read is under the lock on purpose, so that callers at the same moment read once. The file has one page.
        return try state.withLock { state throws(CredentialsFailure) in
            if let token = state.token, let readAt = state.readAt, now - readAt < Self.interval { return token }
            do throws(CredentialsFailure) {
                let token = try Self.read(path)
                state = State(token: token, readAt: now)
                return token
            } catch {
                guard let old = state.token else { throw error }
                state.readAt = now
                return old
            }
        }
    }

    public func rejected() { state.withLock { $0.readAt = nil } }

    private static func read(_ path: String) throws(CredentialsFailure) -> Sensitive {
        var bytes: [UInt8]
        do { bytes = try FileContents.read(path, limit: 1 << 20) } catch { throw CredentialsFailure(error.description) }
        defer { bytes.wipe() }
        do { return try BearerToken.check(bytes) } catch { throw CredentialsFailure("\(path): \(error.message)") }
    }
}

enum BearerToken {
    /// White space around the token is dropped. White space inside of it, or a control character, would end the header
    /// early.
    static func check(_ bytes: some BidirectionalCollection<UInt8>) throws(CredentialsFailure) -> Sensitive {
        let trimmed = bytes.trimmed { $0 <= 32 }
        guard !trimmed.isEmpty else { throw CredentialsFailure("the token is empty") }
        guard trimmed.isTokenText else {
            throw CredentialsFailure("the token has white space or characters that a token can't have")
        }
        return Sensitive(trimmed)
    }
}
