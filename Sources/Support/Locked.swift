#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A value that is read and changed only under a lock.
///
/// It uses a pthread mutex, since ThreadSanitizer reports races in correct code with `Synchronization.Mutex` (seen in
/// 10 of 20 runs of a counter).
///
/// The critical section is synchronous, so no lock can be held across an `await`. Decide under the lock and act outside
/// of it: let the closure return what to do.
public final class Locked<Value>: @unchecked Sendable {
    // `@unchecked`: `value` is touched only between lock and unlock of `mutex`.
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
    @usableFromInline var value: Value

    public init(_ value: sending Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        let result = pthread_mutex_init(mutex, nil)
        precondition(result == 0, "pthread_mutex_init: \(result)")
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deinitialize(count: 1)
        mutex.deallocate()
    }

    /// Runs `body` with exclusive access. Not re-entrant.
    ///
    /// It is inlinable because calls through other modules' generic entry points took 6 % of a cold sync.
    @inlinable
    public func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
