import JSON
import Testing
import YAML

@testable import Fleet

@Suite("Flyte's own values, pasted")
struct ImportTests {
    func read(_ yaml: String) throws -> FlyteImport { try YAML.parse(yaml).decode(FlyteImport.self) }

    @Test("The chart's lists of single-key maps and plain maps mean the same")
    func shapes() throws {
        let lists = try read(
            """
            templateData:
            - projectQuotaCpu: {value: "5"}
            customData:
            - production:
              - projectQuotaCpu: {value: 20}
              - defaultIamRole: {value: "arn:aws:iam::1:role/x"}
            - staging: []
            """)
        let maps = try read(
            """
            templateData: {projectQuotaCpu: "5"}
            customData:
              production: {projectQuotaCpu: {value: 20}, defaultIamRole: {value: "arn:aws:iam::1:role/x"}}
              staging: {}
            """)
        #expect(lists == maps)
        #expect(lists.customData["production"]?["projectQuotaCpu"] == 20)
    }

    @Test("Settings that flyteadmin reads from its environment are refused, with advice")
    func environment() {
        #expect(throws: DecodingFailure.self) { try read("templateData: {a: {valueFrom: {env: A}}}") }
        do {
            _ = try read("templateData: {a: {valueFrom: {env: A}}}")
        } catch {
            #expect("\(error)".contains("valuesFrom") && "\(error)".contains("templateData"))
        }
    }

    @Test("A name that is there twice, or the system's, is a problem")
    func names() throws {
        let failure = #expect(throws: DecodingFailure.self) { try read("customData: [{a: []}, {b: []}, {a: []}]") }
        #expect(failure.map { "\($0)" }?.contains("customData[2]: \"a\" appears twice") == true, "\(failure as Any)")
        let problems = try read("templateData: {project: evil}").problems(at: "spec.import")
        #expect(problems.map(\.path) == ["spec.import.templateData.project"])
    }

    @Test("cluster_resources is taken as a whole, from Helm's values and from a ConfigMap")
    func whole() throws {
        let text = """
            refreshInterval: 5m
            templatePath: /etc/flyte/clusterresource/templates
            standaloneDeployment: false
            refresh: [a, b]
            customData:
            - production:
              - projectQuotaCpu: {value: "20"}
            templateData: {defaultIamRole: {value: "arn:aws:iam::1:role/x"}}
            """
        let plain = try read(text)
        #expect(plain.customData["production"] == ["projectQuotaCpu": "20"])
        #expect(plain.templateData == ["defaultIamRole": "arn:aws:iam::1:role/x"])
        let indented = text.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n")
        #expect(try FlyteImport(parsing: "cluster_resources:\n" + indented) == plain)
        #expect(try FlyteImport(parsing: "") == FlyteImport())
    }

    static let unusableFiles: [(String, String)] = [
        ("a: [", "line"), ("customData: [{production: x}]", "customData"),
        ("templateData: {project: {value: a}}", "project"),
        ("templateData: {a: {value: \"{{ .Values.x }}\"}}", "templateData.a"), ("just text", "cluster_resources.yaml"),
    ]
    @Test("A file that can't be used says where", arguments: unusableFiles)
    func unusable(_ entry: (text: String, words: String)) {
        do throws(SpecProblem) {
            _ = try FlyteImport(parsing: entry.text)
            Issue.record("accepted")
        } catch {
            #expect("\(error)".contains(entry.words), "\(error)")
        }
    }

    static let expressions: [(String, Bool)] = [
        ("arn:aws:iam::{{ .Values.userSettings.accountNumber }}:role/x", true), ("{{.Values.x}}", true),
        ("{{- .Values.x -}}", true), ("{{ $x }}", true), ("{{ include \"flyte.name\" . }}", true),
        ("{{ .x", true), ("{{{ .x }}}", true), ("{{ tpl (toYaml .x) . }}", true), ("a{{b {{ default .a }}", true),
        ("{{ project }}", false), ("{{ a b }}", false), ("{ .x }", false), ("{{}}", false), ("plain. $5", false),
        ("{{", false), ("", false), (String(repeating: "{", count: 10_000), false),
    ]
    @Test("Helm's expressions are distinguished from placeholders", arguments: expressions)
    func helm(_ entry: (text: String, isHelm: Bool)) {
        #expect(HelmExpressions.isIn(entry.text) == entry.isHelm)
    }

    @Test("A value that Helm has not rendered is named, and no weaker one comes back")
    func unrendered() throws {
        var spec = ClusterRegistrySpec()
        let helm: TemplateValue = "{{ .Values.role }}"
        spec.import = FlyteImport(templateData: ["a": helm, "b": "1", "c": "1"], customData: ["dev": ["b": helm]])
        spec.values = ["c": helm]
        #expect(spec.problems().isEmpty)
        let problems = spec.valueProblems()
        #expect(
            problems.map(\.path) == ["spec.import.templateData.a", "spec.import.customData.dev.b", "spec.values.c"])
        #expect(problems[0].message.contains("flyte-clusterresourcesync-config, key cluster_resources.yaml"))
        func layers(_ spec: ClusterRegistrySpec, _ plane: TemplateValues = [:]) -> ValueLayers {
            var dataPlane = DataPlaneSpec()
            dataPlane.values = plane
            return ValueLayers(registry: spec, project: nil, dataPlane: dataPlane)
        }
        func values(_ layers: ValueLayers, _ domain: String) -> [String: String] {
            layers.values(for: .init(project: "p", domain: domain), namespace: "n").filter { $0.key.count == 1 }
        }
        #expect(values(layers(spec), "dev") == [:] && values(layers(spec), "prod") == ["b": "1"])
        #expect(Set(layers(spec).missing(for: "dev").keys) == ["a", "b", "c"])
        #expect(values(layers(spec, ["a": "plane"]), "dev") == ["a": "plane"])
        // The last good ones stay in force, with the other settings as they are now.
        var last = ClusterRegistrySpec()
        last.values = ["a": "good"]
        spec.prune = true
        let kept = spec.keepingUsableValues(of: last)
        #expect(kept.values == ["a": "good"] && kept.import == nil && kept.prune)
        #expect(spec.keepingUsableValues(of: spec) == spec && last.keepingUsableValues(of: spec) == last)
    }

    @Test("What is pasted wins over the ConfigMap, without which nothing is rendered")
    func from() {
        let live = FlyteImport(
            templateData: ["a": "live", "b": "live"], customData: ["dev": ["c": "live", "d": "live"]])
        let both = live.overlaid(
            by: FlyteImport(templateData: ["a": "own"], customData: ["dev": ["d": "own"], "x": [:]]))
        #expect(both.templateData == ["a": "own", "b": "live"])
        #expect(both.customData == ["dev": ["c": "live", "d": "own"], "x": [:]])
        func layers(_ gap: FlyteImport.Gap) -> ValueLayers {
            var spec = ClusterRegistrySpec()
            spec.import = FlyteImport(gap: gap).overlaid(by: FlyteImport(templateData: ["a": "own"]))
            return ValueLayers(registry: spec, project: nil, dataPlane: DataPlaneSpec())
        }
        #expect(layers(.pending).isPending && layers(.pending).problem == nil)
        #expect(layers(.unusable("why")).problem == "why" && !layers(.unusable("why")).isPending)
    }
}
