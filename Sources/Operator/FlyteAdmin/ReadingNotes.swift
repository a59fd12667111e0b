import ControlLoop
import Fleet
import Kube
import Logging

/// What is read from flyteadmin and noted in a ConfigMap of the operator.
protocol NotedReading: Sendable, Equatable {
    static var configMapName: String { get }
    static var dataKey: String { get }
    static var sizeLimit: Int { get }
    /// The name for people, in the plural: "projects".
    static var noun: String { get }
    /// The reason of the event if it can't be noted.
    static var notNoted: String { get }
    var count: Int { get }
    var text: String { get }
    init?(text: String)
}

extension DiscoveredProjects: NotedReading {
    static let noun = "projects"
    static let notNoted = "ProjectsNotNoted"
    var count: Int { domains.count }
}

extension ClusterResourceAttributes: NotedReading {
    static let noun = "CLUSTER_RESOURCE attributes"
    static let notNoted = "AttributesNotNoted"
    var count: Int { keys.count }
}

/// Keeps the last reading in its ConfigMap. It serves one caller at a time.
struct ReadingNotes<Content: NotedReading> {
    struct Access: Sendable {
        let mayWrite: @Sendable () -> Bool
        let gate: WriteGate
        /// Publishes an event on the ClusterRegistry, with this reason and note.
        let warn: @Sendable (String, String) -> Void
        let logger: Logger
    }
    private let store: NotesStore
    private let access: Access
    private var hasRecalled = false
    /// The known content of the ConfigMap.
    private var noted: Content?
    private var problem: String?

    init(client: KubeClient, namespace: String, _ access: Access) {
        store = NotesStore(
            client: client, namespace: namespace, configMapName: Content.configMapName, dataKey: Content.dataKey,
            writeLog: WriteLog(access.logger))
        self.access = access
    }

    /// What an earlier process noted. Nil if there is nothing, or if it can't be read.
    mutating func recall() async -> Content? {
        if hasRecalled { return noted }
        do throws(KubeError) {
            let text = try await store.read()
            hasRecalled = true
            noted = text.flatMap { Content(text: $0) }
            if text != nil, noted == nil {
                access.logger.error("ConfigMap \(Content.configMapName) can't be read: it is written again")
            }
        } catch {
            if !error.isCancelled { say(error.description) }
            hasRecalled = error.isForbidden  // anything else is tried again
        }
        return noted
    }

    mutating func note(_ found: Content) async {
        guard found != noted, access.gate.enter() else { return }
        defer { access.gate.leave() }
        let text = found.text
        guard text.utf8.count <= Content.sizeLimit else {
            return say("\(found.count) \(Content.noun) are more than the ConfigMap can hold")
        }
        guard access.mayWrite() else { return }
        do throws(KubeError) {
            try await store.write(text)
            (noted, problem) = (found, nil)
        } catch {
            if !error.isCancelled { say(error.description) }
        }
    }

    private mutating func say(_ text: String) {
        guard problem != text else { return }
        problem = text
        let note = "flyteadmin's \(Content.noun) can't be noted in ConfigMap \(Content.configMapName): \(text)"
        access.logger.warning("\(note)")
        access.warn(Content.notNoted, note)
    }
}
