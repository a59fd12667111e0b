import Fleet
import FlyteAdmin
import JSON
import Kube
import KubeObjects
import Logging
import Support
import Testing

@testable import DevFlyteAdmin
@testable import Operator

/// One replica after the other keeps a project and its attributes in flyteadmin, while others write there and requests fail.
@Suite("Projects and attributes in flyteadmin, with two faults at once")
struct ProjectPublisherTests {
    private let flyteAdmin = MemoryFlyteAdmin(projects: ["other"])
    private let controlPlane = PathAPI()
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// As a process that has just become the leader.
    private func publisher(mayWrite: @escaping @Sendable () -> Bool = { true }) -> ProjectPublisher {
        ProjectPublisher(
            client: FlyteAdminClient(endpoint: "https://flyteadmin", transport: flyteAdmin),
            notes: (
                KubeClient(
                    server: "https://control-plane", transport: controlPlane, authorization: NoAuthorization(),
                    options: .init(userAgent: "squadron-test")), "flyte"
            ),
            endpoint: "https://flyteadmin", mayWrite: mayWrite, gate: WriteGate(), logger: log)
    }

    private static func claims(_ change: (inout FlyteProjectSpec) -> Void = { _ in }) -> ProjectClaims {
        var spec = FlyteProjectSpec(project: "team1", domains: ["development"])
        spec.register.enabled = true
        spec.register.description = "ours"
        spec.attributes["development"] = ProjectAttributes()
        spec.attributes["development"]?.taskResources = .init(defaults: amounts("1"))
        change(&spec)
        return ProjectClaims(
            [FlyteProject(metadata: ObjectMeta(name: "team1", namespace: "flyte"), spec: spec)], ClusterRegistrySpec())
    }
    private static func amounts(_ cpu: String) -> ProjectAttributes.ResourceAmounts {
        var amounts = ProjectAttributes.ResourceAmounts()
        amounts.cpu = .string(cpu)
        return amounts
    }
    private static let row = Tables.RowID(project: "team1", domain: "development", type: .taskResource)
    private static let workflowRow = Tables.RowID(
        project: "team1", domain: "development", workflow: "by.hand", type: .taskResource)
    private func cpu(_ row: Tables.RowID = row) -> String? {
        flyteAdmin.tables.rows[row]?[path: ["task_resource_attributes", "defaults", "cpu"]]?.string
    }
    private static func attributes(_ cpu: String) -> JSON {
        ["task_resource_attributes": ["defaults": ["cpu": .string(cpu)]]]
    }
    private var notes: String {
        let path = "/api/v1/namespaces/flyte/configmaps/\(FlyteAdminNotes.taskResources)"
        return controlPlane.objects[path]?[path: ["data", PublishedRows.dataKey]]?.string ?? ""
    }

    @Test("A project that is archived before the change stays archived and unchanged")
    func archivedMeanwhile() async {
        flyteAdmin.edit { $0.projects["team1"] = .active }
        flyteAdmin.before { request, tables in
            if request.query.contains("identifier") { tables.projects["team1"]?.state = .archived }
        }
        var publisher = publisher()
        let report = await publisher.pass(Self.claims { $0.attributes = [:] }, isPoll: true)
        guard case .refused(let words)? = report.registrations.problems["team1"] else {
            Issue.record("\(report)")
            return
        }
        #expect(words.contains("flyteadmin has archived project team1"))
        #expect(flyteAdmin.writes.isEmpty && flyteAdmin.tables.projects["team1"]?.state == .archived)
        // Also in the next process, from the list.
        flyteAdmin.heal()
        var next = self.publisher()
        #expect(await next.pass(Self.claims { $0.attributes = [:] }, isPoll: true).registrations.problems.count == 1)
        #expect(flyteAdmin.writes.isEmpty)
    }

    @Test("A project that somebody else registers meanwhile is kept from the next pass on")
    func registeredMeanwhile() async {
        flyteAdmin.before { request, tables in
            if request.method == "POST" { tables.projects["team1"] = Tables.Project(description: "theirs") }
        }
        var publisher = publisher()
        let first = await publisher.pass(Self.claims(), isPoll: true)
        guard case .refused(let words)? = first.registrations.problems["team1"] else {
            Issue.record("\(first)")
            return
        }
        #expect(words.contains("already exists"))
        #expect(cpu() == "1", "its attributes don't wait")
        flyteAdmin.heal()
        // One poll later it is looked at again.
        _ = await publisher.pass(Self.claims(), isPoll: true)
        #expect(flyteAdmin.tables.projects["team1"]?.description == "ours")
    }

    @Test("After a lost answer and a restart, the row is known and goes with its object")
    func lostAnswer() async {
        flyteAdmin.edit { $0.projects["team1"] = Tables.Project(description: "ours") }
        flyteAdmin.add { $0.method == "PUT" ? .losesAnswer : nil }
        var first = publisher()
        let report = await first.pass(Self.claims(), isPoll: true)
        #expect(report.failure != nil && cpu() == "1" && notes.contains("team1"))
        flyteAdmin.heal()
        flyteAdmin.forgetRequests()
        var second = publisher()
        #expect(await second.pass(Self.claims(), isPoll: true).failure == nil)
        #expect(flyteAdmin.writes.isEmpty, "it is there as it should be")
        var third = publisher()
        _ = await third.pass(ProjectClaims(), isPoll: true)
        #expect(cpu() == nil && !notes.contains("team1"))
    }

    @Test("A foreign change during a restart is undone while the row has an object")
    func changedMeanwhile() async {
        flyteAdmin.edit { $0.projects["team1"] = Tables.Project(description: "ours") }
        var first = publisher()
        _ = await first.pass(Self.claims(), isPoll: true)
        flyteAdmin.edit { $0.rows[Self.row] = Self.attributes("9") }
        var second = publisher()
        _ = await second.pass(Self.claims(), isPoll: true)
        #expect(cpu() == "1")
        flyteAdmin.edit { $0.rows[Self.row] = Self.attributes("9") }
        var third = publisher()
        _ = await third.pass(ProjectClaims(), isPoll: true)
        #expect(cpu() == "9" && !notes.contains("team1"))
    }

    @Test("Rows that a delete removed are restored by the next process")
    func tornDelete() async {
        flyteAdmin.edit { $0.projects["team1"] = Tables.Project(description: "ours") }
        var first = publisher()
        _ = await first.pass(Self.claims(), isPoll: true)
        flyteAdmin.edit {
            $0.rows[Self.workflowRow] = Self.attributes("3")
            $0.rows[.init(project: "team1", domain: "development", workflow: "other", type: .taskResource)] =
                Self.attributes("4")
        }
        // The delete has its effect, and its answer is lost; nothing after it is sent.
        flyteAdmin.add { $0.method == "DELETE" ? .losesAnswer : $0.method == "PUT" ? .timesOut : nil }
        _ = await first.pass(ProjectClaims(), isPoll: true)
        #expect(cpu() == nil && cpu(Self.workflowRow) == nil)
        flyteAdmin.heal()
        flyteAdmin.edit { $0.rows[Self.workflowRow] = Self.attributes("7") }
        var second = publisher()
        _ = await second.pass(ProjectClaims(), isPoll: true)
        #expect(cpu(Self.workflowRow) == "7", "what somebody set since is theirs")
        #expect(cpu(.init(project: "team1", domain: "development", workflow: "other", type: .taskResource)) == "4")
        #expect(cpu() == nil)
    }

    @Test("Refused writes and unanswered lists affect only their own rows and projects")
    func refusedAndSilent() async {
        flyteAdmin.edit { $0.projects["team1"] = Tables.Project(description: "theirs") }
        flyteAdmin.add { request in
            if request.method == "PUT", request.path.hasSuffix("/projects/team1") {
                return .refuses(403, "policy says no")
            }
            return request.query.contains("resource_type=6") ? .timesOut : nil
        }
        var publisher = publisher()
        let claims = Self.claims {
            $0.attributes["development"]?.executionConfig = ProjectAttributes.ExecutionConfig()
            $0.attributes["development"]?.executionConfig?.maxParallelism = 3
        }
        let report = await publisher.pass(claims, isPoll: true)
        guard case .refused("policy says no")? = report.registrations.problems["team1"] else {
            Issue.record("\(report.registrations)")
            return
        }
        #expect(cpu() == "1" && report.taskResources.failure == nil)
        #expect(report.executionConfigs.failure?.isOfFlyteAdmin == true)
        // Only the list heals: what was refused is not asked at once again.
        flyteAdmin.heal()
        flyteAdmin.forgetRequests()
        _ = await publisher.pass(claims, isPoll: false)
        #expect(flyteAdmin.writes.map(\.path) == ["/api/v1/project_domain_attributes/team1/development"])
    }

    @Test("A refused registration waits for later polls, or until the project changes")
    func refusedName() async {
        var publisher = publisher()
        let bad = Self.claims { $0.register.labels = ["team": "not a label value!"] }
        let first = await publisher.pass(bad, isPoll: true)
        guard case .refused(let words)? = first.registrations.problems["team1"] else {
            Issue.record("\(first)")
            return
        }
        #expect(words.contains("invalid label value"))
        flyteAdmin.forgetRequests()
        _ = await publisher.pass(bad, isPoll: false)
        #expect(flyteAdmin.writes.isEmpty)
        let good = await publisher.pass(Self.claims { $0.register.labels = ["team": "one"] }, isPoll: false)
        #expect(good.registrations.problems.isEmpty && good.registrations.made == ["team1"])
        #expect(cpu() == "1", "its rows waited for the project")
    }

    @Test("Without the lead, or without its note, no write is sent")
    func notNoted() async {
        flyteAdmin.edit { $0.projects["team1"] = Tables.Project(description: "ours") }
        var deposed = publisher(mayWrite: { false })
        #expect(await deposed.pass(Self.claims(), isPoll: true).failure != nil)
        #expect(flyteAdmin.writes.isEmpty && controlPlane.writes.isEmpty)
        controlPlane.add { $0.method == .patch ? .refuses(403, "a webhook says no") : nil }
        var publisher = publisher()
        guard case .notes? = await publisher.pass(Self.claims(), isPoll: true).failure else {
            Issue.record("it wrote what it could not note")
            return
        }
        #expect(flyteAdmin.writes.isEmpty)
    }
}
