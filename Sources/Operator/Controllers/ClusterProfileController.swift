import ControlLoop
import DataPlaneAgent
import Fleet
import JSON
import Kube
import KubeObjects
import Support

/// Maintains a ClusterProfile for each DataPlane in each namespace that the registry names.
final class ClusterProfileController: Sendable {
    private let inputs: Inputs
    private let pool: SessionPool
    private let statuses: StatusWriter
    private let writer: ControlPlaneWriter
    private let wallClock: WallClock
    /// The complaints of the last time.
    private let complaints = Locked<[String: String]>([:])

    init(
        inputs: Inputs, pool: SessionPool, statuses: StatusWriter, writer: ControlPlaneWriter,
        wallClock: WallClock = .system
    ) {
        self.inputs = inputs
        self.pool = pool
        self.statuses = statuses
        self.writer = writer
        self.wallClock = wallClock
    }

    private var caches: Caches { inputs.caches }

    func reconcile() async throws(KubeError) -> Controller<Work>.Outcome {
        guard let plan = inputs.plan, plan.problem == nil, let registry = plan.registry,
            let identity = plan.identity?.id
        else {
            return .done
        }
        let wanted = Set(plan.spec.clusterProfiles.map(\.namespace))
        let mayWrite = plan.spec.mode == .enforce && writer.mayWrite()
        if mayWrite {
            for namespace in caches.profiles.followed.subtracting(wanted).sorted() {
                try await deleteProfiles(in: namespace, identity) { _ in true }
            }
        }
        caches.profiles.follow(wanted)
        var complaints: [String: String] = [:]
        for namespace in wanted.sorted() {
            switch caches.profiles[namespace] {
            case .unknown: break
            case .unreadable(let why):
                complaints["ClusterProfilesNotWritten " + namespace] = "ClusterProfiles in \(namespace): \(why)"
            case .present(let found):
                guard mayWrite else { continue }
                for (name, object) in plan.dataPlanes.sorted(by: { $0.key < $1.key }) {
                    let profile = ClusterProfile(
                        of: statuses.newest(object), ca: certificates(of: object), identity: identity)
                    if let complaint = try await keep(profile, in: namespace, found[name], identity) {
                        complaints["\(complaint.reason) \(namespace)/\(name)"] = complaint.text
                    }
                }
                try await deleteProfiles(in: namespace, identity) { plan.dataPlanes[$0] == nil }
            }
        }
        tell(complaints, registry)
        return .done
    }

    private struct Complaint {
        var reason: String
        var text: String
    }

    private func keep(
        _ profile: ClusterProfile, in namespace: String, _ found: ClusterProfile.Found?, _ identity: String
    ) async throws(KubeError) -> Complaint? {
        let place = "ClusterProfile \(namespace)/\(profile.name)"
        if let owner = found?.owner(otherThan: identity) {
            return Complaint(reason: "ClusterProfileNotOurs", text: "\(place) belongs to \(owner): it is left alone")
        }
        let type = ResourceType.clusterProfiles
        do throws(KubeError) {
            if profile.needsObject(found) {
                _ = try await writer.client.apply(
                    profile.object(in: namespace), type: type, namespace: namespace, name: profile.name,
                    fieldManager: Ownership.fieldManager, force: false, metadataOnlyAnswer: true)
            }
            if profile.needsStatus(found) {
                _ = try await writer.client.mergePatch(
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
            // A person must grant or mend these. Other failures are tried again.
            guard error.isForbidden || error.isInvalid || error.isNotFound else { throw error }
            return Complaint(reason: "ClusterProfilesNotWritten", text: "\(place): \(error)")
        }
    }

    /// Deletes this registry's profiles that are no longer wanted.
    private func deleteProfiles(
        in namespace: String, _ identity: String, where isSurplus: (String) -> Bool
    ) async throws(KubeError) {
        guard case .present(let found) = caches.profiles[namespace] else { return }
        for (name, profile) in found.sorted(by: { $0.key < $1.key })
        where isSurplus(name) && profile.owner(otherThan: identity) == nil {
            do throws(KubeError) {
                try await writer.client.delete(
                    .clusterProfiles, namespace: namespace, name: name,
                    preconditions: profile.version.map { Preconditions(resourceVersion: String($0)) })
            } catch {
                if error.isForbidden || error.isNotFound || error.isConflict { continue }
                throw error
            }
        }
    }

    /// The CA that verifies the data plane, as far as it is known.
    private func certificates(of object: DataPlane) -> [UInt8]? {
        if let link = pool[object.metadata.name, SessionSubject(object)]?.linkInUse { return link.ca }
        guard !object.spec.inCluster, object.spec.credentials.provider == .secret,
            case .valid(let credentials)? = caches.credentials(object.credentialsPlace, now: wallClock.now)
        else { return nil }
        return credentials.ca
    }

    /// Reports each complaint once while it lasts.
    private func tell(_ now: [String: String], _ registry: ClusterRegistry) {
        let new = complaints.withLock { before in
            defer { before = now }
            return now.filter { before[$0.key] == nil }
        }
        for (key, text) in new.sorted(by: { $0.key < $1.key }) {
            let reason = key.split(separator: " ").first.map(String.init) ?? ""
            writer.tell(registry, reason, text, action: "ClusterProfiles", isWarning: true)
        }
    }
}
