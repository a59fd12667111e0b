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

    @Test("What flyteadmin reads from its own environment is refused, with what to do instead")
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
        #expect(throws: DecodingFailure.self) { try read("customData: [{a: []}, {a: []}]") }
        let problems = try read("templateData: {project: evil}").problems(at: "spec.import")
        #expect(problems.map(\.path) == ["spec.import.templateData.project"])
    }
}
