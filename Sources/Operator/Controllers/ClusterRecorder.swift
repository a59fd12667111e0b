import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Logging
import Support

/// Records on a DataPlane object to which cluster it is connected, since a backup keeps the object (`RecordedCluster`).
final class ClusterRecorder: Sendable {
    private let client: KubeClient
    private let logger: Logger
    /// By the object's UID.
    private let written = Locked(OwnWrites<String, String>())
    private let isRefused = Locked(false)

    init(client: KubeClient, logger: Logger) {
        self.client = client
        self.logger = logger
    }

    /// Writes the annotation if it differs. Without the right to write it, the data plane works all the same, and the
    /// log says so once.
    func record(_ cluster: RecordedCluster, on object: DataPlane) async throws(KubeError) {
        let metadata = object.metadata
        let uid = metadata.uid ?? metadata.name
        guard metadata.annotations?[RecordedCluster.annotation] != cluster.text,
            written.withLock({ $0.newest(uid, shown: metadata.versionNumber) }) != cluster.text
        else { return }
        let type = DataPlane.resourceType
        var note: JSON = ["metadata": ["annotations": .object([RecordedCluster.annotation: .string(cluster.text)])]]
        // A recreated object is another one.
        if let uid = metadata.uid { note[path: ["metadata", "uid"]] = .string(uid) }
        do throws(KubeError) {
            let answer = try await client.mergePatch(
                note, type: type, namespace: metadata.namespace, name: metadata.name,
                fieldManager: Ownership.fieldManager, metadataOnlyAnswer: true)
            written.withLock { $0.wrote(cluster.text, uid, version: answer.versionNumber) }
            WriteLog(logger)(
                WriteLine(.noted, "\(type)/\(metadata.name)", in: metadata.namespace, dataPlane: metadata.name))
        } catch {
            if error.isForbidden {
                let isNews = isRefused.withLock { isRefused in
                    defer { isRefused = true }
                    return !isRefused
                }
                if isNews { logger.warning("clusters are not noted on their DataPlanes: \(error)") }
                return
            }
            if error.isNotFound || error.isNotServed || error.isConflict { return }
            throw error
        }
    }

    func retain(_ uids: Set<String>) { written.withLock { $0.retain { uids.contains($0) } } }
}
