import Fleet
import Kube

/// Keeps the notes of which rows of one kind are ours in flyteadmin, each kind in a ConfigMap of its own; written before and
/// after rows are.
struct PublishedLabelsStore: Sendable {
    private let notes: NotesStore

    init(
        client: KubeClient, namespace: String, configMapName: String = PublishedLabels.configMapName,
        writeLog: WriteLog = .silent
    ) {
        notes = NotesStore(
            client: client, namespace: namespace, configMapName: configMapName, dataKey: PublishedLabels.dataKey,
            writeLog: writeLog)
    }
    var configMapName: String { notes.configMapName }

    enum Reading: Sendable {
        case none
        case notes(PublishedLabels)
        /// It is there and says nothing that can be read. Then nothing is known to be ours, and nothing is deleted but
        /// what is published from now on.
        case unreadable
    }

    func read() async throws(KubeError) -> Reading {
        guard let text = try await notes.read() else { return .none }
        return PublishedLabels(text: text).map { .notes($0) } ?? .unreadable
    }

    func write(_ new: PublishedLabels) async throws(KubeError) { try await notes.write(new.text) }
}
