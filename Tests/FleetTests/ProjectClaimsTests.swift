import JSON
import KubeObjects
import Testing

@testable import Fleet

@Suite("What FlyteProjects want of flyteadmin")
struct ProjectClaimsTests {
    private let development = AdminRowKey(project: "team1", domain: "development")
    private let production = AdminRowKey(project: "team1", domain: "production")
    private var unlocked: ClusterRegistrySpec {
        var spec = ClusterRegistrySpec()
        (spec.domains, spec.lockedValues) = (["development", "production"], [])
        return spec
    }

    private func project(_ attributes: JSON, name: String = "team1") throws -> FlyteProject {
        let spec: JSON = ["project": .string(name), "attributes": attributes]
        return FlyteProject(metadata: metadata(name), spec: try spec.decode(FlyteProjectSpec.self))
    }
    private func rows(_ claims: RowClaims) -> [AdminRowKey: String] { claims.wanted.mapValues(\.value) }

    @Test("A domain's attributes go over those of every domain, field by field")
    func merges() throws {
        let object = try project([
            "*": [
                "taskResources": ["defaults": ["cpu": "1", "memory": "1Gi"], "limits": ["cpu": 4]],
                "executionConfig": ["maxParallelism": 5, "labels": ["a": "b"], "rawOutputPrefix": "s3://x"],
            ],
            "production": [
                "taskResources": ["defaults": ["cpu": "2"]],
                "executionConfig": ["labels": ["c": "d"]],
            ],
        ])
        let claims = ProjectClaims([object], unlocked)
        #expect(
            rows(claims.taskResources) == [
                development:
                    #"{"task_resource_attributes":{"defaults":{"cpu":"1","memory":"1Gi"},"limits":{"cpu":"4"}}}"#,
                production:
                    #"{"task_resource_attributes":{"defaults":{"cpu":"2","memory":"1Gi"},"limits":{"cpu":"4"}}}"#,
            ])
        let config = rows(claims.executionConfigs)
        #expect(
            config[production]
                == #"{"workflow_execution_config":{"labels":{"values":{"c":"d"}},"max_parallelism":5,"raw_output_data_config":{"output_location_prefix":"s3://x"}}}"#
        )
        #expect(config[development]?.contains(#""labels":{"values":{"a":"b"}}"#) == true)
    }

    @Test("A domain without any attribute has no row, nor has what is empty")
    func empty() throws {
        let object = try project(["production": ["executionConfig": ["serviceAccount": ""], "taskResources": [:]]])
        let claims = ProjectClaims([object], unlocked)
        #expect(claims.taskResources.wanted.isEmpty && claims.executionConfigs.wanted.isEmpty)
        #expect(claims.demands.isEmpty && ProjectDemand(object, unlocked).isEmpty)
    }

    @Test("Account and role are locked while any value is; the rest is written")
    func locked() throws {
        let object = try project([
            "production": ["executionConfig": ["serviceAccount": "admin", "iamRole": "arn", "maxParallelism": 3]]
        ])
        var settings = unlocked
        settings.lockedValues = ["other"]
        let demand = ProjectDemand(object, settings)
        #expect(
            demand.locked == [
                "attributes.production.executionConfig.serviceAccount", "attributes.production.executionConfig.iamRole",
            ])
        #expect(
            demand.executionConfigs == [AdminRow(production, #"{"workflow_execution_config":{"max_parallelism":3}}"#)])
        #expect(ProjectClaims.serviceAccounts(object, settings).isEmpty)
        let free = ProjectDemand(object, unlocked)
        #expect(free.locked.isEmpty)
        #expect(
            free.executionConfigs.first?.value
                == #"{"workflow_execution_config":{"max_parallelism":3,"security_context":{"run_as":{"iam_role":"arn","k8s_service_account":"admin"}}}}"#
        )
        #expect(ProjectClaims.serviceAccounts(object, unlocked) == ["production": "admin"])
    }

    @Test("What a broken object wanted stays; one that can't be read stops deletions")
    func broken() throws {
        let object = try project(["production": ["taskResources": ["defaults": ["cpu": "nonsense"]]]])
        #expect(object.spec.problems().map(\.path) == ["spec.attributes.production.taskResources.defaults.cpu"])
        let claims = ProjectClaims([object], unlocked, unreadable: ["x"])
        #expect(claims.demands.isEmpty && claims.taskResources.wanted.isEmpty)
        #expect(claims.taskResources.kept.isSuperset(of: [development, production]))
        #expect(claims.executionConfigs.unreadable == ["x"])
    }

    @Test("Defaults above their limits are refused, also from different entries")
    func excess() throws {
        let object = try project([
            "*": ["taskResources": ["defaults": ["memory": "1536Mi"]]],
            "production": ["taskResources": ["limits": ["memory": "1Gi"]]],
        ])
        #expect(
            object.spec.problems().map(\.description) == [
                "spec.attributes.production.taskResources.defaults.memory: 1536Mi is more than its limit, 1Gi"
            ])
        let good = try project(["*": ["taskResources": ["defaults": ["cpu": "1500m"], "limits": ["cpu": "1.5"]]]])
        #expect(good.spec.problems().isEmpty)
    }

    @Test("A key that no domain of the project has is reported")
    func withoutDomain() throws {
        let object = try project(["prodution": ["executionConfig": ["maxParallelism": 3]], "*": [:]])
        #expect(ProjectDemand(object, unlocked).withoutDomain == ["prodution"])
    }

    @Test("A project is made, or changed where it differs; an archived one is left alone")
    func registration() {
        var wanted = ProjectRegistration()
        wanted.enabled = true
        #expect(RegistrationStep(wanted, id: "team1", present: nil) == .register(.init(name: "team1")))
        let present = RegisteredProject(name: "Theirs", description: "theirs", labels: ["a": "b"])
        #expect(RegistrationStep(wanted, id: "team1", present: present) == .none, "what is empty is left alone")
        (wanted.name, wanted.labels) = ("Team 1", ["team": "1"])
        #expect(
            RegistrationStep(wanted, id: "team1", present: present)
                == .change(.init(name: "Team 1", labels: ["team": "1"])))
        var archived = present
        archived.isArchived = true
        #expect(RegistrationStep(wanted, id: "team1", present: archived) == .archived)
    }

    @Test("Published is there where flyteadmin is to have something, and counts for Ready")
    func findings() throws {
        let object = try project(["production": ["executionConfig": ["maxParallelism": 3]]])
        func findings(_ publication: Publication?, locked: [String] = [], notes: [String] = []) -> [String] {
            var seen = ProjectFacts(object: object, duplicateOf: nil, domains: [])
            seen.domains = [
                .init(
                    domain: "production", namespace: .name("team1-production"),
                    progress: .init(desired: 1, synced: 1, failed: 0))
            ]
            (seen.publication, seen.lockedAttributes, seen.notes) = (publication, locked, notes)
            return seen.findings.dropFirst().map { "\($0.type.rawValue) \($0.status.rawValue) \($0.reason)" }
        }
        #expect(findings(nil) == ["Ready True Ready"])
        #expect(findings(.published) == ["Published True Published", "Ready True Ready"])
        #expect(
            findings(.notConfigured) == ["Published False FlyteAdminNotConfigured", "Ready True Ready"])
        #expect(findings(.refused("no")) == ["Published False FlyteAdminRefused", "Ready False FlyteAdminRefused"])
        #expect(findings(.pending) == ["Published Unknown Pending", "Ready Unknown Pending"])
        #expect(findings(.held(Reason.observing, "")) == ["Published Unknown Observing", "Ready True Ready"])
        #expect(findings(.published, locked: ["x"]).last == "Ready False ValueLocked")
    }

    @Test("Namespaces that wait for flyteadmin's attributes say so")
    func awaited() {
        let progress = NamespaceProgress(desired: 2, synced: 0, failed: 0).waiting(for: Awaited("the attributes"))
        #expect((progress + .zero).finding("p").message == "p: on 0 of 2 data planes; waits for the attributes")
    }

    @Test("What a pending data plane waits for is in the message")
    func obstacle() {
        let progress = NamespaceProgress(desired: 2, synced: 1, failed: 0).held(by: "b: Timeout")
        let finding = (NamespaceProgress.zero + progress).finding("p")
        #expect(finding.reason == "Pending" && finding.message == "p: on 1 of 2 data planes; b: Timeout")
        #expect(!NamespaceProgress(desired: 2, synced: 2, failed: 0).held(by: "b").finding("p").message.hasSuffix("b"))
    }

    @Test("The condition says why they wait, and Stalled says that only a person can help")
    func awaitedForGood() {
        func progress(_ problem: AttributesProblem?) -> ConditionFinding {
            NamespaceProgress(desired: 1, synced: 0, failed: 0).waiting(for: .attributes(problem)).finding("p")
        }
        #expect(progress(nil).message.hasSuffix("which have not been read yet (spec.flyteAdmin)"))
        let refused = progress(AttributesProblem("Secret x must not be sent there", needsPerson: true))
        #expect(refused.reason == "Pending" && refused.needsPerson)
        #expect(refused.message.contains("have never been read: Secret x must not be sent there; to go on without"))
        #expect(refused.message.contains("spec.flyteAdmin.clusterResourceAttributes: Ignore"))
        #expect(!progress(AttributesProblem("could not connect", needsPerson: false)).needsPerson)

        var seen = DataPlaneConditionTests.healthy()
        seen.sync = .counted(NamespaceCounts(desired: 1, synced: 0, failed: 0))
        seen.awaited = .attributes(AttributesProblem("no", needsPerson: true))
        let conditions = DataPlaneConditions.conditions(of: dataPlane("dp"), seen)
            .conditions(previous: [], generation: 1, now: now)
        #expect(
            conditions[.synced]?.reason == "Pending"
                && conditions[.stalled]?.message.contains("never been read") == true)
    }
}
