import Fleet
import KubeObjects

/// Something that is wrong, and what to do about it.
public struct Finding: Sendable, Hashable {
    /// The object that it is about: `DataPlane dataplane-1`.
    public var subject: String
    public var message: String
    public var action: String

    init(_ subject: String, _ message: String, do action: String) {
        (self.subject, self.message, self.action) = (subject, message, action)
    }
}

/// The result of a check.
struct Diagnosis: Sendable, Hashable {
    var findings: [Finding] = []
    /// What could not be checked, and why.
    var undone: [String] = []
    /// Why there was nothing to check. Nil if there was.
    var skipped: String?

    static func skipped(_ why: String) -> Diagnosis { Diagnosis(skipped: why) }

    mutating func find(_ subject: String, _ message: String, do action: String) {
        findings.append(Finding(subject, message, do: action))
    }
    mutating func fail(_ what: String, _ why: String) { undone.append("\(what): \(why)") }
}

/// One thing that is checked. Facts go in, findings come out.
struct DoctorCheck: Sendable {
    /// The name for scripts.
    var name: String
    /// What holds if the check finds nothing.
    var title: String
    /// The kinds whose objects it judges. If they can't be listed, it can't be done.
    var kinds: [ResourceType] = []
    var look: @Sendable (DoctorFacts) -> Diagnosis

    func diagnosis(_ facts: DoctorFacts) -> Diagnosis {
        var diagnosis = look(facts)
        for kind in kinds.map(\.kind) {
            if let why = facts.unlisted[kind] { diagnosis.fail(kind, why) }
        }
        return diagnosis
    }

    /// All checks, in the order in which a person would look.
    static let all: [DoctorCheck] = [
        DoctorCheck(name: "crds", title: "the CRDs exist and are of this version", look: OperatorChecks.definitions),
        DoctorCheck(name: "operator", title: "an operator leads", look: OperatorChecks.leader),
        DoctorCheck(
            name: "operator-rights", title: "the operator's account has its rights", look: OperatorChecks.rights),
        DoctorCheck(name: "clocks", title: "all clocks agree", look: OperatorChecks.clocks),
        DoctorCheck(
            name: "registry", title: "there is one ClusterRegistry, named flyte", look: OperatorChecks.registry),
        DoctorCheck(
            name: "templates", title: "the ConfigMaps that the registry names exist", kinds: [.clusterRegistries],
            look: OperatorChecks.configMaps),
        DoctorCheck(name: "conditions", title: "all objects are Ready", look: DataPlaneChecks.conditions),
        DoctorCheck(
            name: "reach", title: "the data planes can be reached from here", kinds: [.dataPlanes],
            look: DataPlaneChecks.reach),
        DoctorCheck(
            name: "endpoints", title: "each endpoint is named once", kinds: [.dataPlanes],
            look: DataPlaneChecks.endpoints),
        DoctorCheck(
            name: "expiry", title: "no token and no CA expires soon", kinds: [.dataPlanes],
            look: DataPlaneChecks.expiry),
        DoctorCheck(
            name: "propeller", title: "workflows would run in the data planes", kinds: [.dataPlanes],
            look: DataPlaneChecks.propeller),
        DoctorCheck(
            name: "flyteadmin", title: "flyteadmin answers", kinds: [.clusterRegistries], look: FlyteChecks.api),
        DoctorCheck(
            name: "flyteadmin-deployment", title: "flyteadmin's Deployment exists", kinds: [.clusterRegistries],
            look: FlyteChecks.deployment),
        DoctorCheck(
            name: "flyteadmin-mounts", title: "flyteadmin reads what is published", kinds: [.clusterRegistries],
            look: FlyteChecks.mounts),
        DoctorCheck(
            name: "init-container", title: "flyteadmin would start again", kinds: [.clusterRegistries, .dataPlanes],
            look: FlyteChecks.initContainer),
        DoctorCheck(
            name: "clusters-config", title: "what is published is in force", kinds: [.clusterRegistries],
            look: FlyteChecks.clustersConfiguration),
        DoctorCheck(
            name: "helm", title: "Helm's upgrades of Flyte pass", kinds: [.clusterRegistries], look: FlyteChecks.helm),
        DoctorCheck(
            name: "syncresources", title: "syncresources does not write beside Squadron", kinds: [.dataPlanes],
            look: FlyteChecks.syncResources),
        DoctorCheck(
            name: "secrets", title: "each Secret is allowed for what it is used for",
            kinds: [.clusterRegistries, .dataPlanes, .flyteProjects], look: UpgradeChecks.secrets),
        DoctorCheck(
            name: "upgrade", title: "this version cuts nothing off",
            kinds: [.clusterRegistries, .dataPlanes, .flyteProjects, .executionClusterLabels],
            look: UpgradeChecks.objects),
    ]
}
