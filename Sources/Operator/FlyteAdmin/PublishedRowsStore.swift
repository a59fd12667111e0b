import ControlLoop
import Fleet
import Kube

/// Keeps the notes on which rows of one kind in flyteadmin are ours. Each kind has its own ConfigMap. The notes are
/// written before and after the rows.
struct PublishedRowsStore: Sendable {
    private let notes: NotesStore

    init(
        client: KubeClient, namespace: String, configMapName: String = PublishedRows.configMapName,
        writeLog: WriteLog = .silent
    ) {
        notes = NotesStore(
            client: client, namespace: namespace, configMapName: configMapName, dataKey: PublishedRows.dataKey,
            writeLog: writeLog)
    }
    var configMapName: String { notes.configMapName }

    enum Reading: Sendable {
        case none
        case notes(PublishedRows)
        /// The notes exist but can't be read. Then no present row is known to be ours, and only rows that are published
        /// from now on may be deleted.
        case unreadable
    }

    func read() async throws(KubeError) -> Reading {
        guard let text = try await notes.read() else { return .none }
        return PublishedRows(text: text).map { .notes($0) } ?? .unreadable
    }

    func write(_ new: PublishedRows) async throws(KubeError) { try await notes.write(new.text) }
}
