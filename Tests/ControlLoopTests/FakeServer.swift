import ControlLoop
import HTTP
import JSON
import Kube
import KubeObjects
import Support
import TestSupport

/// The object of these tests.
struct Thing: KubeResource, Hashable {
    static let resourceType = ResourceType(
        group: "test", version: "v1", kind: "Thing", plural: "things", isNamespaced: false)
    var metadata: ObjectMeta

    init(_ name: String, _ version: Int) {
        metadata = ObjectMeta(name: name)
        metadata.resourceVersion = String(version)
    }
    init(json: JSON) throws(DecodingFailure) { throw DecodingFailure(path: "", message: "not used here") }

    var version: Int { metadata.resourceVersion.flatMap { Int($0) } ?? 0 }
}

extension KubeError {
    static func status(_ code: Int, retryAfter: Duration? = nil, cause: String? = nil) -> KubeError {
        let causes = cause.map { [APIStatus.Cause(reason: $0, message: "", field: "")] } ?? []
        return KubeError(
            operation: "test",
            cause: .status(APIStatus(code: code, reason: "", message: "", causes: causes, retryAfter: retryAfter)))
    }
    static let refused = KubeError(
        operation: "test", cause: .transport(HTTPError(.connectFailed, "refused", mayHaveBeenProcessed: false)))
    static let cut = KubeError(
        operation: "test", cause: .transport(HTTPError(.connectionLost, "reset", mayHaveBeenProcessed: true)))
    static let cancelled = KubeError(
        operation: "test", cause: .transport(HTTPError(.cancelled, "cancelled", mayHaveBeenProcessed: true)))
}

/// An API server whose answers the test gives one by one: each request shows up in `requests` and hangs until answered.
final class FakeServer: ListWatch {
    enum Request: Sendable, Equatable {
        case list(continueToken: String?)
        case watch(from: String)
    }
    enum Answer: Sendable {
        case page(ListPage<Thing>)
        case stream
        case error(KubeError)
    }
    enum Push: Sendable {
        case event(WatchEvent<Thing>)
        case end
        case error(KubeError)
    }

    let requests = Probe<Request>()
    private let answers = Mailbox<Answer>()
    private let pushes = Mailbox<Push>()
    private let openWatches = Locked(0)

    func answer(_ answer: Answer) { answers.put(answer) }
    func push(_ push: Push) { pushes.put(push) }
    func page(_ things: [Thing], version: Int, continueToken: String? = nil) {
        answer(
            .page(
                ListPage(
                    items: things.map { .valid($0) }, resourceVersion: String(version), continueToken: continueToken)))
    }

    func list(continueToken: String?) async throws(KubeError) -> ListPage<Thing> {
        requests.record(.list(continueToken: continueToken))
        switch await answers.take() {
        case .page(let page): return page
        case .error(let error): throw error
        case .stream, nil: throw .cancelled
        }
    }

    func watch(from resourceVersion: String) async throws(KubeError) -> WatchStream<Thing> {
        requests.record(.watch(from: resourceVersion))
        switch await answers.take() {
        case .stream: break
        case .error(let error): throw error
        case .page, nil: throw .cancelled
        }
        return WatchStream { [pushes] () async throws(KubeError) -> WatchEvent<Thing>? in
            switch await pushes.take() {
            case .event(let event): return event
            case .end: return nil
            case .error(let error): throw error
            case nil: throw .cancelled
            }
        }
    }
}

/// Values that a test leaves for a task under test. A cancelled taker takes nothing.
final class Mailbox<Value: Sendable>: Sendable {
    private let values = Locked([Value]())
    private let changed = Signal()

    func put(_ value: Value) {
        values.withLock { $0.append(value) }
        changed.advance()
    }

    func take() async -> Value? {
        while !Task.isCancelled {
            let seen = changed.generation
            if let value = values.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return value }
            await changed.wait(past: seen)
        }
        return nil
    }
}
