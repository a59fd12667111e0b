import Fleet
import JSON
import KubeObjects
import Testing

@testable import Console

@Suite("squadron why")
struct WhyTests {
    private static func condition(_ type: String, _ status: String, _ reason: String, _ message: String = "m") -> String
    {
        """
        {type: \(type), status: "\(status)", reason: \(reason), message: "\(message)", observedGeneration: 1, \
        lastTransitionTime: "2026-06-01T11:00:00Z"}
        """
    }

    private static let registry = """
        kind: ClusterRegistry
        metadata: {name: flyte, generation: 1}
        spec:
          domains: [development, production]
          values: {quota: "5", plain: base}
          valuesFrom: [{name: token, secretKeyRef: {name: pull, key: token}}]
          domainValues: {production: {quota: "20"}}
          workloadIdentity: {aws: {roleARN: "arn:{{ project }}"}}
          flyteAdmin: {endpoint: "https://flyteadmin", projectDiscovery: true}
        ---
        kind: ConfigMap
        apiVersion: v1
        metadata: {name: squadron-discovered-projects}
        data:
          projects.json: '{"projects": [{"domains": ["development", "production"], "names": ["found"]}], "archived": ["old"]}'
        """
    private static let project = """
        kind: FlyteProject
        metadata: {name: team1, generation: 1}
        spec: {project: team1, values: {plain: mine}}
        status:
          conditions:
          - \(condition("NamespaceSynced", "False", "Partial"))
          - \(condition("Ready", "False", "Partial"))
        """
    private static let planes = """
        kind: DataPlane
        metadata: {name: good, generation: 1}
        spec: {endpoint: "https://good"}
        status: {namespaces: {desired: 4, synced: 4, failed: 0}, conditions: [\(condition("Synced", "True", "InSync"))]}
        ---
        kind: DataPlane
        metadata: {name: bad, generation: 1}
        spec: {endpoint: "https://bad", values: {quota: "1"}}
        status:
          namespaces: {desired: 4, synced: 3, failed: 1}
          conditions: [\(condition("Synced", "False", "SyncFailed"))]
          failures:
          - {namespace: team1-production, object: resourcequotas/q, reason: Forbidden, message: no right, since: "2026-06-01T11:50:00Z", attempts: 4}
        ---
        kind: DataPlane
        metadata: {name: away, generation: 1}
        spec: {endpoint: "https://away"}
        status: {conditions: [\(condition("Synced", "Unknown", "Timeout", "no answer"))]}
        ---
        kind: DataPlane
        metadata: {name: "off", generation: 1}
        spec: {endpoint: "https://off", enabled: false}
        """
    private static let fleet = [registry, project, planes].joined(separator: "\n---\n")

    private func story(_ subject: String, _ text: String = fleet) throws -> NamespaceStory {
        NamespaceStory(of: try #require(StorySubject(subject)), try objects(text), now: now)
    }

    private func presence(_ story: NamespaceStory, _ name: String) -> Presence? {
        story.places.first { $0.dataPlane == name }?.presence
    }

    @Test("A namespace and its project-domain give the same answer")
    func subjects() throws {
        let one = try story("team1-production")
        let other = try story("team1/production")
        #expect(one.members == other.members && one.places == other.places && one.values == other.values)
        #expect(one.members.map(\.key) == [ProjectDomain(project: "team1", domain: "production")])
        #expect(one.outcome == .done)
        #expect(StorySubject("a/b/c") == nil && StorySubject("") == nil && StorySubject("/b") == nil)
    }

    @Test("Each data plane's status is shown, and what does not follow from it is unknown")
    func places() throws {
        let story = try story("team1/production")
        #expect(presence(story, "good") == .inSync)
        guard case .failing(let failures)? = presence(story, "bad") else {
            Issue.record("\(String(describing: presence(story, "bad")))")
            return
        }
        #expect(failures.map(\.reason) == ["Forbidden"] && failures.first?.attempts == 4)
        #expect(presence(story, "away") == .unknown(reason: "Timeout", message: "no answer"))
        #expect(presence(story, "off") == .leftAlone("spec.enabled is false"))
        // Its only failure is another namespace's.
        #expect(presence(try self.story("team1/development"), "bad") == .inSync)
    }

    @Test("A project that the operator has not looked at yet is in sync nowhere")
    func unseen() throws {
        let text = Self.fleet.replacing(
            "metadata: {name: team1, generation: 1}", with: "metadata: {name: team1, generation: 2}")
        let reason = "the operator has not looked at what wants the namespace as it is now"
        #expect(presence(try story("team1/production", text), "good") == .unknown(reason: "Pending", message: reason))
    }

    @Test("A failure list that is cut short proves nothing of other namespaces")
    func cutList() throws {
        let text = Self.fleet.replacing("desired: 4, synced: 3", with: "desired: 40, synced: 3")
        #expect(presence(try story("team1/development", text), "bad") == .unknown(reason: "SyncFailed", message: "m"))
    }

    @Test("Each value is shown with its layer, and without Secrets' content")
    func values() throws {
        let story = try story("team1/production")
        func rows(_ name: String) -> [[String]] {
            story.values.filter { $0.value.name == name }.map { row in
                guard case .text(let text) = row.value.content else { return ["\(row.value.content)"] }
                return [text, row.value.layer] + (row.dataPlanes ?? ["everywhere"])
            }
        }
        #expect(rows("plain") == [["mine", "FlyteProject team1 values", "everywhere"]])
        #expect(
            rows("quota") == [["20", "registry domainValues", "away", "good"], ["1", "DataPlane bad values", "bad"]]
                || rows("quota") == [
                    ["1", "DataPlane bad values", "bad"], ["20", "registry domainValues", "away", "good"],
                ])
        #expect(rows("project") == [["team1", "system", "everywhere"]])
        #expect(
            rows("eks.amazonaws.com/role-arn") == [["arn:{{ project }}", "registry workloadIdentity", "everywhere"]])
        let token = try #require(story.values.first { $0.value.name == "token" })
        #expect(token.value.content == .secret(KeyReference(name: "pull", key: "token")))
        #expect(text(story).contains("(Secret pull, key token)"))
    }

    @Test("A ConfigMap's value is read; a missing one leaves its name without a value")
    func configMaps() throws {
        let sources = """
            valuesFrom:
              - {name: token, secretKeyRef: {name: pull, key: token}}
              - {name: given, configMapKeyRef: {name: settings, key: a}}
              - {name: gone, configMapKeyRef: {name: settings, key: b}}
              - {name: nowhere, configMapKeyRef: {name: none, key: b}}
            """
        let text = Self.fleet.replacing(
            "valuesFrom: [{name: token, secretKeyRef: {name: pull, key: token}}]",
            with: sources.replacing("\n", with: "\n  "))
        var fleet = try objects(text)
        #expect(
            NamespaceStory.configMapNames(fleet) == [
                "settings", "none", DiscoveredProjects.configMapName, ClusterResourceAttributes.configMapName,
            ])
        fleet.add(configMap: "settings", .present(["a": "from\u{1F}there"]))
        fleet.add(configMap: "none", .unreadable("403"))
        let story = NamespaceStory(of: .namespace("team1-production"), fleet, now: now)
        func content(_ name: String) -> OriginatedValue.Content? {
            story.values.first { $0.value.name == name }?.value.content
        }
        #expect(content("given") == .text("from\u{1F}there"))
        #expect(content("gone") == .missing("ConfigMap settings has no key b"))
        #expect(content("nowhere") == .unreadable("ConfigMap none: 403"))
    }

    @Test("flyteadmin's attributes are a layer, shown with the row in force")
    func attributes() throws {
        var fleet = try objects(Self.fleet)
        func row(_ name: String) -> [String]? {
            let story = NamespaceStory(of: .namespace("team1-production"), fleet, now: now)
            return story.values.first { $0.value.name == name && $0.dataPlanes?.first != "bad" }.map {
                if case .text(let text) = $0.value.content { [text, $0.value.layer] } else { [] }
            }
        }
        func notes() -> [String] { NamespaceStory(of: .namespace("team1-production"), fleet, now: now).notes }
        func read(_ rows: String) {
            fleet.add(
                configMap: ClusterResourceAttributes.configMapName,
                .present([ClusterResourceAttributes.dataKey: #"{"rows": \#(rows)}"#]))
        }
        fleet.add(configMap: ClusterResourceAttributes.configMapName, .absent)
        #expect(notes().last?.contains("have not been read by an operator yet") == true)
        read(#"[["team1", "", {"quota": "30", "plain": "x", "role": "r"}]]"#)
        #expect(row("quota") == ["30", "flyteadmin CLUSTER_RESOURCE of project team1"])
        #expect(row("plain") == ["mine", "FlyteProject team1 values"])
        #expect(notes().isEmpty)
        read(#"[["team1", "", {"quota": "30"}], ["team1", "production", {"role": "p"}]]"#)
        #expect(row("quota") == ["20", "registry domainValues"])
        #expect(row("role") == ["p", "flyteadmin CLUSTER_RESOURCE of team1/production"])
    }

    @Test("flyteadmin's own projects are wanted without an object")
    func discovered() throws {
        let story = try story("found-development")
        #expect(story.members.first?.wants.map(\.kind) == ["flyteadmin"])
        #expect(presence(story, "good") == .inSync)
        #expect(text(story).contains("flyteadmin"))
    }

    @Test("An unwanted namespace exits with 3; if that is not known, the exit code is 1")
    func nothing() throws {
        let story = try story("nobody/development")
        #expect(story.outcome == .findings)
        #expect(story.notes == ["its namespace would be nobody-development"])
        #expect(text(story).hasPrefix("nobody/development: nothing wants it\n"))
        var unread = try objects([Self.registry, Self.project].joined(separator: "\n---\n"))
        unread.add(configMap: DiscoveredProjects.configMapName, .unreadable("403 Forbidden"))
        #expect(NamespaceStory(of: .namespace("x"), unread, now: now).outcome == .failed)
        #expect(NamespaceStory(of: .namespace("team1-production"), unread, now: now).outcome == .done)
    }

    @Test("A project's name alone gets a note with one of its domains")
    func projectAlone() throws {
        let known = try objects([Self.registry, Self.project].joined(separator: "\n---\n"))
        let story = NamespaceStory(of: .namespace("team1"), known, now: now)
        #expect(
            story.notes.contains("team1 is a project: ask for one of its domains, as in squadron why team1/development")
        )
        #expect(
            NamespaceStory(of: .namespace("nobody"), known, now: now).notes.allSatisfy { !$0.contains("ask for") })
    }

    @Test("An archived project is named as one")
    func archived() throws {
        #expect(try story("old/development").notes.first?.hasPrefix("flyteadmin has archived the project old") == true)
    }

    @Test("Assignments want their project-domain too, and say for which label")
    func assignments() throws {
        let text =
            Self.fleet + """

                ---
                kind: ExecutionClusterLabel
                metadata: {name: a, generation: 1}
                spec: {project: team1, domain: production, workflow: w, value: label1}
                """
        let wants = try story("team1/production", text).members.first?.wants ?? []
        #expect(wants.map(\.kind) == ["FlyteProject", "ExecutionClusterLabel"])
        #expect(wants.last?.detail == "workflow w, label label1")
    }

    @Test("With syncScope Labelled a cluster that no label reaches does not want it")
    func reach() throws {
        let text =
            Self.fleet.replacing("domains: [development, production]", with: "syncScope: Labelled") + """

                ---
                kind: ExecutionLabel
                metadata: {name: label1, generation: 1}
                spec: {clusters: [{name: good, weight: 1}]}
                ---
                kind: ExecutionClusterLabel
                metadata: {name: a, generation: 1}
                spec: {project: team1, domain: production, value: label1}
                """
        let story = try story("team1/production", text)
        #expect(presence(story, "good") != .notReached)
        #expect(presence(story, "away") == .notReached)
        #expect(presence(story, "off") == .leftAlone("spec.enabled is false"))
    }

    @Test("A name that makes no namespace is reported as such")
    func invalidName() throws {
        let text = Self.fleet.replacing("spec: {project: team1,", with: "spec: {project: Team_1,")
        let story = try story("Team_1/production", text)
        #expect(story.outcome == .done && story.places.isEmpty)
        #expect(ConsoleTests.text(story).contains("InvalidName"))
    }

    @Test("JSON has the states, the failures and the layers")
    func json() throws {
        let json = try story("team1/production").json
        #expect(json["namespace"] == "team1-production" && json["wanted"] == true)
        #expect(json["projectDomains"]?[0]?["wantedBy"]?[0]?["kind"] == "FlyteProject")
        let bad = json["dataPlanes"]?.array?.first { $0["name"] == "bad" }
        #expect(bad?["state"] == "NotInSync" && bad?["failures"]?[0]?["reason"] == "Forbidden")
        let token = json["values"]?.array?.first { $0["name"] == "token" }
        #expect(token?["secretKeyRef"] == ["name": "pull", "key": "token"] && token?["value"] == nil)
    }
}
