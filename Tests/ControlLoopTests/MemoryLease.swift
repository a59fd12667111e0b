import Support
import TestSupport

@testable import ControlLoop

/// A Lease in memory that behaves like an API server's: conditional writes, and no write that happens twice.
struct MemoryLeaseState: Sendable {
    private(set) var lease: VersionedLease?
    private var version = 0

    mutating func delete() { lease = nil }

    mutating func perform(_ request: Election.Request) -> Election.Reply {
        switch request {
        case .read:
            return lease.map { .found($0) } ?? .missing
        case .create(let record):
            guard lease == nil else { return .conflict }
            return .written(write(record))
        case .update(let record, let version):
            guard let lease else { return .missing }
            guard lease.version == version else { return .conflict }
            return .written(write(record))
        }
    }

    private mutating func write(_ record: LeaseRecord) -> VersionedLease {
        version += 1
        let written = VersionedLease(record: record, version: String(version))
        lease = written
        return written
    }
}

/// The same for electors, with faults.
final class MemoryLeaseStore: LeaseStore {
    enum Fault: Sendable {
        /// Fails without doing anything.
        case refuse
        /// Does it, and loses the answer.
        case loseAnswer
        /// Hangs until cancelled.
        case hang
    }
    private struct State {
        var lease = MemoryLeaseState()
        var fault: Fault?
    }
    private let state = Locked(State())
    let requests = Probe<Election.Request>()

    var lease: LeaseRecord? { state.withLock { $0.lease.lease?.record } }
    var fault: Fault? {
        get { state.withLock { $0.fault } }
        set { state.withLock { $0.fault = newValue } }
    }

    private func perform(_ request: Election.Request) async throws(LeaseStoreError) -> VersionedLease? {
        let fault = fault
        requests.record(request)
        if case .refuse = fault { throw .failed("refused") }
        if case .hang = fault {
            await Signal().wait(past: 0)
            throw .failed("cancelled")
        }
        let reply = state.withLock { $0.lease.perform(request) }
        if case .loseAnswer = fault { throw .failed("answer lost") }
        switch reply {
        case .found(let lease), .written(let lease): return lease
        case .missing:
            if case .read = request { return nil }
            throw .missing
        case .conflict: throw .conflict
        case .failed(let text): throw .failed(text)
        }
    }

    func get() async throws(LeaseStoreError) -> VersionedLease? { try await perform(.read) }
    func create(_ record: LeaseRecord) async throws(LeaseStoreError) -> VersionedLease {
        guard let lease = try await perform(.create(record)) else { throw .missing }
        return lease
    }
    func update(_ record: LeaseRecord, version: String) async throws(LeaseStoreError) -> VersionedLease {
        guard let lease = try await perform(.update(record, version: version)) else { throw .missing }
        return lease
    }
}
