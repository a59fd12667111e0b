import Fleet
import JSON
import Kube
import KubeObjects

/// Reads the chart's ConfigMaps and the live registry with the user's own rights.
public struct ImportReading: Sendable {
    /// flyteadmin has the keys of the first two in one folder, and reads them in the order of their names.
    static let merged = ["flyte-admin-base-config", "flyte-admin-clusters-config"]
    static let resources = "flyte-clusterresourcesync-config"

    private let reader: ControlPlaneReader
    public init(_ reader: ControlPlaneReader) { self.reader = reader }

    /// Adds flyteadmin's configuration. ConfigMaps that don't exist are skipped if at least one exists.
    public func addChart(to sources: inout ImportSources, clusters: Bool, clusterResources: Bool)
        async throws -> [String]
    {
        var notes: [String] = []
        var found = 0
        func texts(_ name: String) async throws -> [ImportText] {
            switch try await reader.configMap(name) {
            case .present(let data):
                found += 1
                return data.filter { $0.key.hasSuffix(".yaml") }.sorted { $0.key < $1.key }.map {
                    ImportText(place: "ConfigMap \(name), key \($0.key)", text: $0.value, outcome: .failed)
                }
            case .absent: return []
            case .unreadable(let why):
                notes.append("ConfigMap \(name) can't be read: \(why)")
                return []
            }
        }
        if clusters {
            var all: [ImportText] = []
            for name in Self.merged { all += try await texts(name) }
            sources.clusters += all.sorted { Self.key($0.place) < Self.key($1.place) }
        }
        if clusterResources {
            let own = try await texts(Self.resources)
            sources.clusterResources += own.filter { $0.place.hasSuffix("key cluster_resources.yaml") }
            switch try await reader.configMap(ImportPlan.templates) {
            case .present: sources.hasTemplates = true
            case .absent: sources.hasTemplates = false
            case .unreadable(let why): notes.append("ConfigMap \(ImportPlan.templates) can't be read: \(why)")
            }
        }
        guard found > 0 else {
            throw ImportFailure(
                "namespace \(reader.namespace) has none of the chart's ConfigMaps \((Self.merged + [Self.resources]).listed())"
                    + notes.map { "; \($0)" }.joined())
        }
        return notes
    }

    private static func key(_ place: String) -> Substring { place[(place.lastIndex(of: " ") ?? place.startIndex)...] }

    /// The registry's spec. Nil if the registry does not exist, or if the cluster does not serve its kind.
    public func registry() async throws(KubeError) -> JSON? {
        do {
            return try await reader.objects(of: [.clusterRegistries]).registry?.json["spec"]
        } catch {
            guard error.isNotServed || error.isNotFound else { throw error }
            return nil
        }
    }
}
