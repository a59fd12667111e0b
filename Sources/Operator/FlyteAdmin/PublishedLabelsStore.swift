import Fleet
import Kube

/// Keeps the notes of what is ours in flyteadmin in the ConfigMap `squadron-published-labels`; written before and after
/// rows are.
struct PublishedLabelsStore: Sendable {
    private let notes: NotesStore

    init(client: KubeClient, namespace: String) {
        notes = NotesStore(
            client: client, namespace: namespace, configMapName: PublishedLabels.configMapName,
            dataKey: PublishedLabels.dataKey)
    }

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
