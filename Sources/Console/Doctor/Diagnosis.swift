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
    var look: @Sendable (DoctorFacts) -> Diagnosis

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
            name: "templates", title: "the ConfigMaps that the registry names exist",
            look: OperatorChecks.configMaps),
        DoctorCheck(name: "conditions", title: "all objects are Ready", look: DataPlaneChecks.conditions),
        DoctorCheck(name: "reach", title: "the data planes can be reached from here", look: DataPlaneChecks.reach),
        DoctorCheck(name: "endpoints", title: "each endpoint is named once", look: DataPlaneChecks.endpoints),
        DoctorCheck(name: "expiry", title: "no token and no CA expires soon", look: DataPlaneChecks.expiry),
        DoctorCheck(
            name: "propeller", title: "workflows would run in the data planes", look: DataPlaneChecks.propeller),
        DoctorCheck(name: "flyteadmin", title: "flyteadmin answers", look: FlyteChecks.api),
        DoctorCheck(
            name: "flyteadmin-deployment", title: "flyteadmin's Deployment exists", look: FlyteChecks.deployment),
        DoctorCheck(name: "flyteadmin-mounts", title: "flyteadmin reads what is published", look: FlyteChecks.mounts),
        DoctorCheck(name: "init-container", title: "flyteadmin would start again", look: FlyteChecks.initContainer),
        DoctorCheck(
            name: "clusters-config", title: "what is published is in force", look: FlyteChecks.clustersConfiguration),
        DoctorCheck(name: "helm", title: "Helm's upgrades of Flyte pass", look: FlyteChecks.helm),
        DoctorCheck(
            name: "syncresources", title: "syncresources does not write beside Squadron",
            look: FlyteChecks.syncResources),
        DoctorCheck(
            name: "secrets", title: "each Secret is allowed for what it is used for", look: UpgradeChecks.secrets),
        DoctorCheck(name: "upgrade", title: "this version cuts nothing off", look: UpgradeChecks.objects),
    ]
}
