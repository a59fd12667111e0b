import DevFlyteAdmin
import JSON
import Testing

@testable import FlyteAdmin

@Suite("Matchable attributes and projects")
struct AttributeTests {
    private static let taskResources =
        #"{"task_resource_attributes":{"defaults":{"cpu":"1","memory":"1Gi"},"limits":{"cpu":"4","ephemeral_storage":"10Gi"}}}"#
    private static let executionConfig =
        #"{"workflow_execution_config":{"annotations":{"values":{"c":"d"}},"labels":{"values":{"a":""}},"max_parallelism":5,"raw_output_data_config":{"output_location_prefix":"s3://b/x"},"security_context":{"run_as":{"iam_role":"arn","k8s_service_account":"runner"}}}}"#
    private static let clusterResource =
        #"{"cluster_resource_attributes":{"attributes":{"defaultIamRole":"","projectQuotaCpu":"8"}}}"#

    @Test(
        "What is set is read back as the same text, whatever the answer writes out",
        arguments: [
            (AttributeKind.taskResource, taskResources), (.workflowExecutionConfig, executionConfig),
            (.clusterResource, clusterResource), (.executionClusterLabel, "label1"),
        ])
    func roundTrip(kind: AttributeKind, value: String) async throws {
        try await withServer { server in
            let client = client(server)
            #expect(try await client.rows(kind).isEmpty)
            try await client.set(kind, value, project: "team1", domain: "development")
            try await client.set(kind, value, project: "team1", domain: "development", workflow: "a.b")
            let rows = try await client.rows(kind)
            #expect(rows.map(\.value) == [value, value] && Set(rows.map(\.workflow)) == ["", "a.b"])
            for other in AttributeKind.allCases where other != kind {
                #expect(try await client.rows(other).isEmpty)
                try await client.delete(other, project: "team1", domain: "development")
            }
            #expect(try await client.rows(kind).count == 2, "the other kinds are other rows")
            try await client.delete(kind, project: "team1", domain: "development")
            #expect(try await client.rows(kind).isEmpty)
        }
    }

    @Test("Unset fields are left out in both spellings; the user's own names stay")
    func form() throws {
        let camelCase: JSON = [
            "workflowExecutionConfig": [
                "maxParallelism": 0, "securityContext": nil, "interruptible": false, "overwriteCache": false,
                "labels": ["values": ["camelCase": "", "a": "b"]], "envs": ["values": [["key": "aB", "value": ""]]],
                "executionEnvAssignments": [],
            ]
        ]
        #expect(
            AttributeKind.workflowExecutionConfig.value(camelCase)
                == #"{"workflow_execution_config":{"envs":{"values":[{"key":"aB"}]},"interruptible":false,"labels":{"values":{"a":"b","camelCase":""}}}}"#
        )
        #expect(AttributeKind.taskResource.value(camelCase) == nil)
        // A row that says nothing is a row.
        let empty: JSON = ["task_resource_attributes": ["defaults": nil, "limits": nil]]
        #expect(AttributeKind.taskResource.value(empty) == #"{"task_resource_attributes":{}}"#)
        #expect(AttributeKind.taskResource.attributes("no JSON") == nil)
        #expect(AttributeKind.taskResource.attributes(Self.executionConfig) == nil)
    }

    @Test("A project is registered and changed; what is empty in a change stays as it was")
    func projects() async throws {
        try await withServer { server in
            let client = client(server)
            #expect(try await client.project("team3") == nil)
            try await client.register(
                ListedProject(id: "team3", name: "Team 3", description: "new", labels: ["team": "3"]))
            let made = try await client.project("team3")
            #expect(made?.name == "Team 3" && made?.description == "new" && made?.labels == ["team": "3"])
            #expect(made?.state == "ACTIVE" && made?.domains == ["development", "staging", "production"])
            try await client.update(ListedProject(id: "team3", name: "Third", state: "ACTIVE"))
            let changed = try await client.project("team3")
            #expect(changed?.name == "Third" && changed?.description == "new" && changed?.labels == ["team": "3"])
            let again = await failure { try await client.register(ListedProject(id: "team3", name: "x")) }
            #expect(again?.kind == .refused && again?.status == 409)
        }
    }

    @Test("A change that names an archived project's state leaves it archived")
    func archived() async throws {
        try await withServer { server in
            server.edit { $0.projects["team1"] = .archived }
            let client = client(server)
            let found = try #require(try await client.project("team1"))
            #expect(found.isArchived)
            try await client.update(ListedProject(id: "team1", description: "x", state: found.state))
            #expect(server.tables.projects["team1"]?.state == .archived)
            try await client.update(ListedProject(id: "team1", description: "y"))
            #expect(server.tables.projects["team1"]?.state == .active, "without the state it would be active again")
        }
    }
}
