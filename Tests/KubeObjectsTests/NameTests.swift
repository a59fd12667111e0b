import KubeObjects
import Testing

@Suite("Names")
struct NameTests {
    @Test("Labels and subdomains that Kubernetes takes", arguments: ["a", "project1-development", "0", "a--b"])
    func valid(name: String) {
        #expect(KubeNames.problem(withLabel: name) == nil)
        #expect(KubeNames.problem(withSubdomain: name) == nil)
    }

    @Test(
        "A name that Kubernetes refuses gets the reason in words",
        arguments: [
            ("", "it must not be empty"),
            ("Team1", #""Team1" must not contain "T": only lower-case letters a-z, digits and "-" are allowed"#),
            ("a_b", #""a_b" must not contain "_": only lower-case letters a-z, digits and "-" are allowed"#),
            ("-a", #""-a" must start and end with a letter or digit"#),
            ("a-", #""a-" must start and end with a letter or digit"#),
            ("a.b", #""a.b" must not contain ".": only lower-case letters a-z, digits and "-" are allowed"#),
            ("é", #""é" must not contain "é": only lower-case letters a-z, digits and "-" are allowed"#),
        ])
    func invalid(name: String, reason: String) {
        #expect(KubeNames.problem(withLabel: name) == reason)
    }

    @Test("Lengths are counted in bytes, at their limits")
    func lengths() {
        #expect(KubeNames.problem(withLabel: String(repeating: "a", count: 63)) == nil)
        #expect(KubeNames.problem(withLabel: String(repeating: "a", count: 64)) != nil)
        #expect(KubeNames.problem(withSubdomain: String(repeating: "a", count: 253)) == nil)
        #expect(KubeNames.problem(withSubdomain: String(repeating: "a", count: 254)) != nil)
        let endless = String(repeating: "x", count: 1 << 20)
        #expect((KubeNames.problem(withLabel: endless) ?? "").utf8.count < 200)
    }

    @Test("Subdomains are labels with single dots between them")
    func subdomains() {
        #expect(KubeNames.problem(withSubdomain: "a.b-c.d") == nil)
        for name in [".a", "a.", "a..b", "a.-b", "a.B"] {
            #expect(KubeNames.problem(withSubdomain: name) != nil, "\(name)")
        }
    }

    @Test("A label's value may be empty and have capitals, underscores and dots inside")
    func labelValues() {
        for value in ["", "A", "a_b.c-D", String(repeating: "a", count: 63)] {
            #expect(KubeNames.problem(withLabelValue: value) == nil, "\(value)")
        }
        for value in ["_a", "a.", "a b", "a/b", "a\nb", String(repeating: "a", count: 64)] {
            #expect(KubeNames.problem(withLabelValue: value) != nil, "\(value)")
        }
        #expect(KubeNames.problem(withLabelValue: "a\nb")?.contains("\n") == false)
    }

    @Test("Annotation keys are prefix/name, the prefix a subdomain in any case")
    func annotationKeys() {
        for key in ["a", "eks.amazonaws.com/role-arn", "Example.COM/Name"] {
            #expect(KubeNames.problem(withAnnotationKey: key) == nil, "\(key)")
        }
        #expect(KubeNames.problem(withLabelKey: "Example.COM/Name") != nil)
        for key in ["", "/a", "a/", "a/b/c", "a b", "ex ample/a"] {
            #expect(KubeNames.problem(withAnnotationKey: key) != nil, "\(key)")
        }
        #expect(KubeNames.problem(withAnnotations: ["a": String(repeating: "x", count: 256 << 10)]) != nil)
        #expect(KubeNames.problem(withAnnotations: ["a": String(repeating: "x", count: (256 << 10) - 1)]) == nil)
    }
}
