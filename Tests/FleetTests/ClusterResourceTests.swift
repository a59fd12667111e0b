import Testing

@testable import Fleet

@Suite("flyteadmin's CLUSTER_RESOURCE attributes")
struct ClusterResourceTests {
    private let team1 = ProjectDomain(project: "team1", domain: "development")
    private let attributes = ClusterResourceAttributes([
        (project: "team1", domain: "", values: ["projectQuotaCpu": "8", "defaultIamRole": "project"]),
        (project: "team1", domain: "production", values: ["projectQuotaCpu": "20"]),
        (project: "team2", domain: "production", values: ["defaultIamRole": "production"]),
    ])

    @Test("The most specific row alone counts: what the project's has besides is not seen")
    func mostSpecific() {
        #expect(attributes[team1]?.values == ["projectQuotaCpu": "8", "defaultIamRole": "project"])
        #expect(attributes[team1]?.isOfProject == true)
        let production = ProjectDomain(project: "team1", domain: "production")
        #expect(attributes[production] == .init(isOfProject: false, values: ["projectQuotaCpu": "20"]))
        #expect(attributes[ProjectDomain(project: "team2", domain: "development")] == nil)
    }

    @Test("The text says the same again, and another text is not ours")
    func roundTrip() {
        #expect(
            attributes.text
                == #"{"rows":[["team1","",{"defaultIamRole":"project","projectQuotaCpu":"8"}],["team1","production",{"projectQuotaCpu":"20"}],["team2","production",{"defaultIamRole":"production"}]]}"#
        )
        #expect(ClusterResourceAttributes(text: attributes.text) == attributes)
        for text in ["", "{}", "[]", #"{"rows":[["a","b"]]}"#, #"{"rows":[["a",1,{}]]}"#, #"{"rows":[["a","b",[]]]}"#] {
            #expect(ClusterResourceAttributes(text: text) == nil, "\(text)")
        }
    }

    @Test("Names that the system sets, and invalid names, are left out")
    func names() {
        let row = (
            project: "p", domain: "d", values: ["namespace": "x", "project": "x", "": "x", "a b": "x", "ok": "1"]
        )
        #expect(ClusterResourceAttributes([row])[ProjectDomain(project: "p", domain: "d")]?.values == ["ok": "1"])
    }

    @Test("A thousand rows of an ordinary fleet fit into the ConfigMap")
    func large() {
        let many = ClusterResourceAttributes(
            (0..<3_000).map { number in
                (
                    project: "a-project-with-a-long-name-\(number)", domain: "development",
                    values: [
                        "projectQuotaCpu": "8", "projectQuotaMemory": "64Gi",
                        "defaultIamRole": "arn:aws:iam::111122223333:role/flyte-project-\(number)",
                    ]
                )
            })
        #expect(many.text.utf8.count < ClusterResourceAttributes.sizeLimit)
    }

    @Test("They go over the registry's values, below the project's, and may set locked ones")
    func layers() {
        var registry = ClusterRegistrySpec()
        registry.values = ["projectQuotaCpu": "1", "projectQuotaMemory": "4Gi", "defaultIamRole": "registry"]
        registry.domainValues = ["development": ["projectQuotaCpu": "2"]]
        var project = FlyteProjectSpec(project: "team1")
        func value(_ name: String, _ project: FlyteProjectSpec?, _ dataPlane: DataPlaneSpec = DataPlaneSpec())
            -> String?
        {
            ValueLayers(registry: registry, attributes: attributes["team1"], project: project, dataPlane: dataPlane)
                .values(for: team1, namespace: "n")[name]
        }
        #expect(value("projectQuotaCpu", nil) == "8")
        #expect(value("projectQuotaMemory", nil) == "4Gi")
        #expect(value("defaultIamRole", nil) == "project")
        project.values = ["projectQuotaCpu": "16", "defaultIamRole": "mine"]
        #expect(value("projectQuotaCpu", project) == "16")
        #expect(value("defaultIamRole", project) == "project", "a FlyteProject can't set a locked value")
        var dataPlane = DataPlaneSpec()
        dataPlane.values = ["projectQuotaCpu": "32"]
        #expect(value("projectQuotaCpu", project, dataPlane) == "32")
    }

    @Test("They count with a flyteadmin, unless ignored; unread ones are waited for")
    func inForce() {
        var spec = ClusterRegistrySpec()
        #expect(AttributesInForce(spec, read: attributes) == .none)
        spec.flyteAdmin = FlyteAdmin(endpoint: "https://a")
        #expect(AttributesInForce(spec, read: nil) == .pending)
        #expect(AttributesInForce(spec, read: attributes) == .known(attributes))
        spec.flyteAdmin?.clusterResourceAttributes = .ignore
        #expect(AttributesInForce(spec, read: attributes) == .none)
    }
}
