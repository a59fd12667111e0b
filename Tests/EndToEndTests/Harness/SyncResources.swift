import JSON
import Kube
import YAML

/// What Flyte's `syncresources` does with its templates: raw text replacement, then a create of each object, in the order
/// of the files. Its patch of existing objects is left out. Its User-Agent makes it the field manager `flyteadmin`.
struct SyncResources {
    let server: Admin

    func run(_ templates: [String: String], _ values: [String: String]) async throws {
        for (_, template) in templates.sorted(by: { $0.key < $1.key }) {
            var text = template
            for (name, value) in values { text = text.replacing("{{ \(name) }}", with: value) }
            for document in try YAML.documents(text) { try await create(try document.json()) }
        }
    }

    private func create(_ object: JSON) async throws {
        let kind = try Kinds.named(object["kind"]?.string ?? "")
        let namespace = kind.isNamespaced ? object[path: ["metadata", "namespace"]]?.string : nil
        let name = object[path: ["metadata", "name"]]?.string ?? ""
        do throws(KubeError) {
            _ = try await server.client.raw(
                .post, kind.path(namespace: namespace), query: [("fieldManager", "flyteadmin")], body: object)
        } catch {
            guard error.status?.code == 409 else { throw error }
            // The `default` ServiceAccount exists: a merge patch of the template's fields. Flyte's own leaves it
            // without managedFields.
            var patch = object
            patch[path: ["metadata", "managedFields"]] = [[:]]
            try await server.client.mergePatch(
                patch, type: kind, namespace: namespace, name: name, fieldManager: "flyteadmin")
        }
    }
}
