import Testing

@testable import Fleet

@Suite("What is said of the registry's templates and values")
struct RegistryValueTests {
    private func finding(
        _ templates: RegistryFacts.Templates, _ values: RegistryFacts.Values
    ) -> ConditionFinding? {
        var seen = RegistryFacts()
        (seen.templates, seen.values) = (templates, values)
        let object = ClusterRegistry(metadata: metadata("flyte"), spec: ClusterRegistrySpec())
        return seen.findings(of: object).first { $0.type == .templatesValid }
    }

    static let combinations: [(RegistryFacts.Templates, RegistryFacts.Values, String)] = [
        (.valid("t"), .valid, "True Valid t"), (.valid("t"), .invalid("v"), "False ValuesInvalid v"),
        (.valid("t"), .configMapNotFound("v"), "False ConfigMapNotFound v"),
        (.invalid("t"), .invalid("v"), "False TemplateInvalid t; v"),
        (.invalid("t"), .valid, "False TemplateInvalid t"),
        (.invalid("t"), .pending, "False TemplateInvalid t"),
        (.configMapNotFound("t"), .invalid("v"), "False ConfigMapNotFound t; v"),
        (.pending, .invalid("v"), "False ValuesInvalid v; the ConfigMap has not been read yet"),
        (.valid("t"), .pending, "Unknown Pending the ConfigMap of spec.importFrom has not been read yet"),
    ]
    @Test(
        "One condition speaks of templates and values; the first fault is its reason",
        arguments: combinations)
    func combined(
        _ entry: (templates: RegistryFacts.Templates, values: RegistryFacts.Values, expected: String)
    ) {
        let found = finding(entry.templates, entry.values)
        #expect(found.map { "\($0.status.rawValue) \($0.reason) \($0.message)" } == entry.expected)
    }

    @Test("A data plane is not in sync while it is not known what is wanted there")
    func registryProblem() {
        var seen = DataPlaneConditionTests.healthy()
        seen.sync = .unknown
        seen.registryProblem = "ClusterRegistry flyte, spec.import: is not a map"
        let findings = DataPlaneConditions.conditions(of: dataPlane("a"), seen)
        #expect(
            findings.map(\.reason) == [
                "Valid", "ProbeSucceeded", "PermissionsGranted", "Available", "SyncFailed", "SyncFailed",
            ])
        #expect(findings[4].message.contains("ClusterRegistry flyte, spec.import"))
        // Nothing was counted, so no count is shown.
        #expect(seen.status(of: dataPlane("a"), now: now).namespaces == nil)
    }
}
