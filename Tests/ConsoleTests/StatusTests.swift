import Fleet
import JSON
import KubeObjects
import Testing

@testable import Console

@Suite("squadron status")
struct StatusTests {
    private static let fleet = """
        kind: ClusterRegistry
        metadata: {name: flyte, generation: 2}
        status:
          conditions:
          - {type: TemplatesValid, status: "False", reason: TemplateInvalid, message: "a.yaml, line 3: no YAML", observedGeneration: 2, lastTransitionTime: "2026-06-01T11:00:00Z"}
          - {type: Published, status: "False", reason: NotConfigured, message: "not asked for", observedGeneration: 2, lastTransitionTime: "2026-06-01T11:00:00Z"}
          - {type: Ready, status: "False", reason: DataPlanesNotReady, message: "1 of 4 data planes is not Ready", observedGeneration: 2, lastTransitionTime: "2026-06-01T11:00:00Z"}
        ---
        kind: DataPlane
        metadata: {name: good, generation: 1}
        spec: {endpoint: "https://good"}
        status:
          namespaces: {desired: 12, synced: 12, failed: 0}
          tokenExpirationTime: "2027-06-01T12:00:00Z"
          conditions: [{type: Ready, status: "True", reason: Ready, message: fine, observedGeneration: 1, lastTransitionTime: "2026-05-01T12:00:00Z"}]
        ---
        kind: DataPlane
        metadata: {name: ending, generation: 1}
        spec: {endpoint: "https://ending", unschedulable: true}
        status:
          namespaces: {desired: 12, synced: 12, failed: 0}
          tokenExpirationTime: "2026-06-04T13:00:00Z"
          conditions: [{type: Ready, status: "True", reason: Ready, message: fine, observedGeneration: 1, lastTransitionTime: "2026-05-01T12:00:00Z"}]
        ---
        kind: DataPlane
        metadata: {name: away, generation: 1}
        spec: {endpoint: "https://away", clusterName: dataplane_1}
        status:
          namespaces: {desired: 12, synced: 11, failed: 1}
          conditions: [{type: Ready, status: "False", reason: TokenRejected, message: "401", observedGeneration: 1, lastTransitionTime: "2026-06-01T11:55:00Z"}]
        ---
        kind: DataPlane
        metadata: {name: changed, generation: 3}
        spec: {endpoint: "https://changed"}
        status:
          conditions: [{type: Ready, status: "True", reason: Ready, message: fine, observedGeneration: 2, lastTransitionTime: "2026-06-01T11:00:00Z"}]
        ---
        kind: DataPlane
        metadata: {name: new, generation: 1}
        spec: {endpoint: "https://new"}
        ---
        kind: DataPlane
        metadata: {name: "off", generation: 1}
        spec: {endpoint: "https://off", enabled: false}
        status:
          conditions: [{type: Ready, status: "False", reason: Disabled, message: off, observedGeneration: 1, lastTransitionTime: "2026-05-01T12:00:00Z"}]
        ---
        kind: ExecutionLabel
        metadata: {name: label1, generation: 1}
        spec: {clusters: [{name: good, weight: 1}]}
        status:
          conditions: [{type: Ready, status: "True", reason: Resolved, message: fine, observedGeneration: 1, lastTransitionTime: "2026-05-01T12:00:00Z"}]
        ---
        kind: ExecutionClusterLabel
        metadata: {name: p-dev, generation: 1}
        spec: {project: p, domain: development, value: nowhere}
        status:
          conditions: [{type: Ready, status: "False", reason: LabelNotFound, message: "no label nowhere", observedGeneration: 1, lastTransitionTime: "2026-06-01T10:00:00Z"}]
        """

    @Test("Data planes come worst first, and disabled ones last")
    func order() throws {
        let overview = FleetOverview(try objects(Self.fleet), now: now)
        #expect(overview.dataPlanes.map(\.state.name) == ["away", "new", "changed", "ending", "good", "off"])
    }

    @Test("The page says what is wrong, since when, and what ends next")
    func page() throws {
        let page = text(FleetOverview(try objects(Self.fleet), now: now))
        let lines = page.split(separator: "\n").map(String.init)
        func line(_ start: String) -> String { lines.first { $0.hasPrefix(start) } ?? "no line \(start)" }
        #expect(line("registry") == "registry flyte: DataPlanesNotReady for 60m: 1 of 4 data planes is not Ready")
        #expect(line("  TemplatesValid") == "  TemplatesValid: TemplateInvalid: a.yaml, line 3: no YAML")
        #expect(!page.contains("NotConfigured"))
        #expect(
            line("away").split(separator: " ").map(String.init) == [
                "away", "dataplane_1", "TokenRejected", "5m", "11/12", "401",
            ])
        #expect(line("ending").contains("token in 3d") && line("ending").contains("cordoned"))
        #expect(line("changed").contains("of an older generation"))
        #expect(line("new").contains("NoStatus"))
        #expect(line("off").contains("Disabled"))
        #expect(line("p-dev").contains("p/development") && line("p-dev").contains("LabelNotFound"))
        #expect(!page.contains("label1"), "what is Ready is only counted")
        #expect(lines.last?.hasSuffix("next to end: token of ending in 3d") == true)
    }

    @Test("Without a registry, the mode that was in force before still holds, and is shown")
    func modeWithoutRegistry() throws {
        func fleet(_ spec: String, status: String) throws -> FleetOverview {
            let text = """
                kind: DataPlane
                metadata: {name: a, generation: 1}
                spec: {endpoint: "https://a"\(spec)}
                status: {mode: \(status)}
                """
            return FleetOverview(try objects(text), now: now)
        }
        let observed = try fleet("", status: "Observe")
        #expect(observed.json["mode"] == "Observe")
        #expect(text(observed).contains("mode Observe: nothing is written but statuses; it was in force before"))
        #expect(try fleet("", status: "Enforce").json["mode"] == "Enforce")
        #expect(try fleet(", mode: Observe", status: "Observe").json["mode"] == "Enforce", "only its own mode")
    }

    @Test("A data plane that would run no workflow comes after those that fail")
    func flyteReady() throws {
        func plane(_ name: String, _ ready: String, _ flyte: String) -> String {
            """
            ---
            kind: DataPlane
            metadata: {name: \(name), generation: 1}
            spec: {endpoint: "https://\(name)"}
            status:
              conditions:
              - {type: Ready, status: "\(ready)", reason: \(flyte == "False" ? "PropellerNotFound" : "Timeout"), message: no answer, observedGeneration: 1, lastTransitionTime: "2026-05-01T12:00:00Z"}
              - {type: FlyteReady, status: "\(flyte)", reason: PropellerNotFound, message: no propeller, observedGeneration: 1, lastTransitionTime: "2026-05-01T12:00:00Z"}

            """
        }
        let fleet =
            plane("fine", "True", "True") + plane("without", "False", "False") + plane("away", "False", "Unknown")
            + plane("unsaid", "True", "Unknown")
        let overview = FleetOverview(try objects(fleet), now: now)
        #expect(overview.dataPlanes.map(\.state.name) == ["away", "without", "fine", "unsaid"])
        let lines = text(overview).split(separator: "\n").map(String.init)
        func line(_ start: String) -> String { lines.first { $0.hasPrefix(start) } ?? "no line \(start)" }
        #expect(line("without").hasSuffix("FlyteReady: PropellerNotFound: no propeller"))
        #expect(line("unsaid").hasSuffix("FlyteReady: Unknown (PropellerNotFound): no propeller"))
        #expect(line("away").hasSuffix("no answer"))
        #expect(!line("fine").contains("FlyteReady"))
        #expect(lines.last?.contains("1 of 4 FlyteReady") == true)
        #expect(overview.json["dataPlanes"]?[1]?["flyteReady"]?["reason"] == "PropellerNotFound")
        #expect(FleetOverview(try objects(Self.fleet), now: now).json["dataPlanes"]?[0]?["flyteReady"] == nil)
    }

    @Test("JSON has every data plane, with what its status does not say left out")
    func json() throws {
        let json = FleetOverview(try objects(Self.fleet), now: now).json
        let rows = json["dataPlanes"]?.array ?? []
        #expect(rows.count == 6)
        #expect(rows[0]["name"] == "away" && rows[0]["ready"] == "False" && rows[0]["reason"] == "TokenRejected")
        #expect(rows[0]["namespaces"] == ["desired": 12, "synced": 11, "failed": 1])
        #expect(rows[1]["name"] == "new" && rows[1]["ready"] == "Unknown" && rows[1]["namespaces"] == nil)
        #expect(rows[2]["stale"] == true)
        #expect(json["executionClusterLabels"]?["notReady"]?[0]?["subject"] == "p/development")
        #expect(json["executionLabels"]?["ready"] == 1)
        #expect(json["namespaces"] == ["desired": 36, "synced": 35, "failed": 1])
    }

    @Test("An empty namespace is reported as such")
    func empty() throws {
        let page = text(FleetOverview(ControlPlaneObjects(namespace: "flyte"), now: now))
        #expect(page.contains("there is none named flyte") && page.contains("no data planes"))
    }

    @Test("A status of an unknown shape changes nothing beside its own text")
    func strangeStatus() throws {
        let overview = FleetOverview(
            try objects(
                """
                kind: DataPlane
                metadata: {name: odd, generation: 1}
                spec: {endpoint: 5}
                status: {conditions: [5, {type: Ready}], namespaces: many, tokenExpirationTime: never}
                """), now: now)
        #expect(overview.dataPlanes.first?.state.reason == "NoStatus")
        #expect(overview.dataPlanes.first?.expiry == nil)
    }

    @Test("Only a token near its end that nothing renews is a warning")
    func renewals() throws {
        func standing(_ status: String) throws -> FleetOverview.DataPlaneRow.Standing? {
            let overview = FleetOverview(
                try objects(
                    """
                    kind: DataPlane
                    metadata: {name: d, generation: 1}
                    spec: {endpoint: "https://d"}
                    status:
                      conditions: [{type: Ready, status: "True", reason: Ready, message: m, observedGeneration: 1, lastTransitionTime: "2026-05-01T12:00:00Z"}]
                      tokenExpirationTime: "2026-06-01T12:30:00Z"
                      \(status)
                    """), now: now)
            return overview.dataPlanes.first?.standing
        }
        #expect(try standing("kubernetesVersion: v1") == .expiring)
        #expect(try standing("tokenRenewalTime: \"2026-06-01T12:10:00Z\"") == .ready)
        #expect(try standing("credential: {inUseSince: \"2026-06-01T11:40:00Z\"}") == .ready)
        #expect(try standing("credential: {inUseSince: \"2026-05-30T11:40:00Z\"}") == .expiring)
    }

    @Test("A lease that nobody renews says that no operator is at work")
    func leader() throws {
        func away(_ renewed: String) throws -> Bool? {
            var fleet = ControlPlaneObjects(namespace: "flyte")
            fleet.lease = try Lease(json: [
                "metadata": ["name": "squadron"],
                "spec": ["holderIdentity": "a", "leaseDurationSeconds": 15, "renewTime": .string(renewed)],
            ])
            return FleetOverview(fleet, now: now).leader?.isAway
        }
        #expect(try away("2026-06-01T11:59:50.000000Z") == false)
        #expect(try away("2026-06-01T11:00:00.000000Z") == true)
        #expect(FleetOverview(ControlPlaneObjects(namespace: "flyte"), now: now).leader == nil)
    }

    @Test("Five hundred data planes stay on a few screens")
    func many() throws {
        let one = "kind: DataPlane\nmetadata: {name: d%, generation: 1}\nspec: {endpoint: \"https://d\"}"
        let all = (1...500).map { one.replacing("%", with: "\($0)") }.joined(separator: "\n---\n")
        let page = text(FleetOverview(try objects(all), now: now))
        #expect(page.split(separator: "\n").count < 40)
        #expect(page.contains("… and 470 more"))
    }
}
