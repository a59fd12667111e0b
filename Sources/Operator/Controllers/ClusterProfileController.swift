import ControlLoop
import DataPlaneAgent
import Fleet
import Kube
import KubeObjects
import Support

/// Maintains a ClusterProfile for each DataPlane in each namespace that the registry names.
final class ClusterProfileController: Sendable {
    private let inputs: Inputs
    private let pool: AgentPool
    private let statuses: StatusWriter
    private let writer: ControlPlaneWriter
    private let wallClock: WallClock
    /// What the last reconcile complained about.
    private let complaints = Locked<[String: String]>([:])

    init(
        inputs: Inputs, pool: AgentPool, statuses: StatusWriter, writer: ControlPlaneWriter,
        wallClock: WallClock = .system
    ) {
        self.inputs = inputs
        self.pool = pool
        self.statuses = statuses
        self.writer = writer
        self.wallClock = wallClock
    }

    private var informers: Informers { inputs.informers }

    func reconcile() async throws(KubeError) -> Controller<Work>.Outcome {
        guard let plan = inputs.plan, plan.problem == nil, let registry = plan.registry,
            let identity = plan.identity?.id
        else {
            return .done
        }
        let wanted = Set(plan.spec.clusterProfiles.map(\.namespace))
        let mayWrite = plan.spec.mode == .enforce && writer.mayWrite()
        let profiles = ClusterProfileWriter(client: writer.client, identity: identity)
        var complaints = try await sweep(profiles, except: wanted, mayWrite)
        informers.profiles.follow(wanted)
        for namespace in wanted.sorted() {
            switch informers.profiles[namespace] {
            case .unknown: break
            case .unreadable(let why):
                complaints["ClusterProfilesNotWritten " + namespace] = "ClusterProfiles in \(namespace): \(why)"
            case .present(let found):
                guard mayWrite else { continue }
                func take(_ complaint: ClusterProfileWriter.Complaint?, _ name: String) {
                    if let complaint { complaints["\(complaint.reason) \(namespace)/\(name)"] = complaint.text }
                }
                for (name, object) in plan.dataPlanes.sorted(by: { $0.key < $1.key }) {
                    let profile = ClusterProfile(
                        of: statuses.newest(object), ca: certificates(of: object), identity: identity)
                    take(try await profiles.keep(profile, in: namespace, found[name]), name)
                }
                for (name, profile) in found.sorted(by: { $0.key < $1.key }) where plan.dataPlanes[name] == nil {
                    take(try await profiles.delete(name, in: namespace, profile), name)
                }
            }
        }
        tell(complaints, registry)
        return .done
    }

    /// Deletes our profiles in namespaces that the registry no longer names. The first time it searches all namespaces,
    /// since an entry may have been removed while no operator ran. Later it searches those that it watched.
    private func sweep(
        _ profiles: ClusterProfileWriter, except wanted: Set<String>, _ mayWrite: Bool
    ) async throws(KubeError) -> [String: String] {
        let dropped = informers.profiles.followed.subtracting(wanted)
        let strays = informers.profiles.mayHaveStrays
        guard mayWrite else {
            if !dropped.isEmpty { strays.withLock { $0 = true } }
            return [:]
        }
        var complaints: [ClusterProfileWriter.Complaint] = []
        for namespace in dropped.sorted() { complaints += try await profiles.sweep(namespace, except: wanted) }
        if strays.withLock({ $0 }) {
            complaints += try await profiles.sweep(nil, except: wanted)
            strays.withLock { $0 = false }
        }
        return Dictionary(complaints.map { ("\($0.reason) \($0.text)", $0.text) }) { first, _ in first }
    }

    /// The CA that verifies the data plane, if it is known.
    private func certificates(of object: DataPlane) -> [UInt8]? {
        if let link = pool[object.metadata.name, AgentSubject(object)]?.linkInUse { return link.ca }
        guard !object.spec.inCluster, object.spec.credentials.provider == .secret,
            case .valid(let credentials)? = informers.credentials(object.credentialsPlace, now: wallClock.now)
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
