#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A value that is read and changed only under a lock.
///
/// A pthread mutex and not `Synchronization.Mutex`: with the latter, ThreadSanitizer reports races in correct
/// code (seen in 10 of 20 runs of a counter), and a sanitizer run that cries wolf is no use.
///
/// The critical section is synchronous, so no lock can be held across an `await`. Keep the idiom
/// *decide under the lock, act outside of it*: let the closure return what is to be done.
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
    /// Inlinable: called through other modules' generic entry points, it was 6 % of a cold sync.
    @inlinable
    public func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
