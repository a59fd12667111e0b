import Fleet
import Kube
import KubeObjects

/// Writes the ClusterProfiles of one registry, and deletes those that are no longer wanted.
struct ClusterProfileWriter: Sendable {
    let client: KubeClient
    /// The registry's identity.
    let identity: String

    struct Complaint: Sendable, Hashable {
        var reason: String
        var text: String
    }

    /// - Parameter found: the existing object of that name.
    /// - Returns: why the object is not as wanted, if another try would not help.
    func keep(
        _ profile: ClusterProfile, in namespace: String, _ found: ClusterProfile.Found?
    ) async throws(KubeError) -> Complaint? {
        let place = "ClusterProfile \(namespace)/\(profile.name)"
        if let owner = found?.owner(otherThan: identity) {
            return Complaint(reason: "ClusterProfileNotOurs", text: "\(place) belongs to \(owner): it is left alone")
        }
        let type = ResourceType.clusterProfiles
        do throws(KubeError) {
            if profile.needsObject(found) {
                _ = try await client.apply(
                    profile.object(in: namespace), type: type, namespace: namespace, name: profile.name,
                    fieldManager: Ownership.fieldManager, force: false, metadataOnlyAnswer: true)
            }
            if profile.needsStatus(found) {
                _ = try await client.mergePatch(
                    ["status": profile.status], type: type, namespace: namespace, name: profile.name,
                    subresource: "status", fieldManager: Ownership.fieldManager, metadataOnlyAnswer: true)
            }
            return nil
        } catch {
            if !error.conflicts.isEmpty {
                let others = Set(error.conflicts.map(\.manager)).sorted().joined(separator: ", ")
                return Complaint(
                    reason: "ClusterProfileNotOurs", text: "\(place) belongs to the field manager \(others)")
            }
            // A failure that only a person can end is reported. Any other is tried again.
            guard error.isForbidden || error.isInvalid || error.isNotFound else { throw error }
            return Complaint(reason: "ClusterProfilesNotWritten", text: "\(place): \(error)")
        }
    }

    /// Deletes the object if it belongs to this registry and has not changed since it was found.
    /// - Returns: why the object still exists, if another try would not help.
    func delete(
        _ name: String, in namespace: String, _ found: ClusterProfile.Found
    ) async throws(KubeError) -> Complaint? {
        guard found.owner(otherThan: identity) == nil else { return nil }
        do throws(KubeError) {
            try await client.delete(
                .clusterProfiles, namespace: namespace, name: name,
                preconditions: found.version.map { Preconditions(resourceVersion: String($0)) })
            return nil
        } catch {
            if error.isNotFound { return nil }
            guard error.isForbidden else { throw error }
            return Complaint(
                reason: "ClusterProfilesNotWritten",
                text: "ClusterProfile \(namespace)/\(name) is not wanted any more, and is still there: \(error)")
        }
    }

    /// Deletes this registry's ClusterProfiles in one namespace, or in all namespaces except the wanted ones: a
    /// namespace may have left the registry while no operator ran.
    ///
    /// Without the right to list them it does nothing. `squadron rbac` grants it for the named namespaces, and the
    /// component for all.
    ///
    /// - Parameter namespace: nil: all namespaces, where it finds profiles by our label and our mark.
    func sweep(_ namespace: String?, except wanted: Set<String>) async throws(KubeError) -> [Complaint] {
        let collection = KubeCollection(
            .clusterProfiles, namespace: namespace,
            labelSelector: namespace == nil ? "\(ClusterProfile.managerLabel)=\(ClusterProfile.manager)" : nil)
        let objects: [Decoded<DynamicObject>]
        do throws(KubeError) {
            objects = try await client.listAll(DynamicObject.self, of: collection)
        } catch {
            guard error.isForbidden || error.isNotServed || error.isNotFound else { throw error }
            return []
        }
        var complaints: [Complaint] = []
        for case .valid(let object) in objects {
            let found = ClusterProfile.Found(object)
            guard let place = object.metadata.namespace, !wanted.contains(place), found.hasMark(of: identity) else {
                continue
            }
            if let complaint = try await delete(object.metadata.name, in: place, found) { complaints.append(complaint) }
        }
        return complaints
    }
}
