import Fleet
import JSON
import Kube
import KubeObjects
import Support

/// Changes some keys of a Secret of the control plane and leaves the others. A write is conditional on the version that
/// was read. If somebody else has written meanwhile, it reads again.
struct SecretUpdate: Sendable {
    let controlPlane: ControlPlaneReader
    let name: String
    let manager: String
    /// How many conflicts with other writers are allowed.
    private static let tries = 30

    enum Change: Sendable {
        case nothing
        /// Members of the Secret, without its name.
        case create(JSON)
        /// A merge patch.
        case patch(JSON)
    }

    /// - Parameter decide: gets the Secret, or nil if it does not exist. It is called again after each conflict.
    func carryOut(_ decide: (DynamicObject?) -> Change) async throws(KubeError) {
        var number = 0
        while true {
            number += 1
            let before = try await controlPlane.secret(name)
            do throws(KubeError) {
                switch decide(before) {
                case .nothing: break
                case .create(let object): try await create(object)
                case .patch(let change): try await patch(change, before)
                }
                return
            } catch {
                let isRace = error.isConflict || error.isAlreadyExists || error.isNotFound
                guard isRace, number < Self.tries, !Task.isCancelled else { throw error }
                try? await Task.sleep(for: .milliseconds(Int64.random(in: 20...200)))
            }
        }
    }

    private func create(_ object: JSON) async throws(KubeError) {
        var object = object
        object["apiVersion"] = "v1"
        object["kind"] = "Secret"
        object[path: ["metadata", "name"]] = .string(name)
        object[path: ["metadata", "namespace"]] = .string(controlPlane.namespace)
        try await controlPlane.client.create(
            object, type: Secret.resourceType, namespace: controlPlane.namespace, fieldManager: manager)
    }

    private func patch(_ change: JSON, _ before: DynamicObject?) async throws(KubeError) {
        var change = change
        if let version = before?.metadata.resourceVersion {
            change[path: ["metadata", "resourceVersion"]] = .string(version)
        }
        try await controlPlane.client.mergePatch(
            change, type: Secret.resourceType, namespace: controlPlane.namespace, name: name, fieldManager: manager,
            metadataOnlyAnswer: true)
    }
}

extension ControlPlaneReader {
    /// Nil if the Secret does not exist.
    func secret(_ name: String) async throws(KubeError) -> DynamicObject? {
        do throws(KubeError) {
            let json = try await client.get(Secret.resourceType, namespace: namespace, name: name)
            return try? DynamicObject(json: json)
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }
}
