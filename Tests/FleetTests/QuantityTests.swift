import JSON
import KubeObjects
import Testing

@testable import Fleet

@Suite("What an API server stores in other words")
struct QuantityTests {
    /// What a real API server (1.36) answered to each.
    static let stored: [(JSON, String)] = [
        (4, "4"), ("4", "4"), ("4000m", "4"), ("4000Mi", "4000Mi"), ("1.5Gi", "1536Mi"), (5000, "5k"), ("2048", "2048"),
        ("1E", "1E"), (0.5, "500m"), (1.5, "1500m"), ("0.3", "300m"), (".5", "500m"), ("0.1Ki", "102400m"),
        ("1.1Ki", "1126400m"), ("1.5Ki", "1536"), ("1024Mi", "1Gi"), ("1023Ki", "1023Ki"), ("0.5Ki", "512"),
        ("512Ki", "512Ki"), ("123456789Ki", "123456789Ki"), ("0.000001Mi", "1049m"), ("100u", "1m"), ("1000n", "1m"),
        ("0.0000000001", "1m"), ("1.23456789012", "1235m"), ("0", "0"), ("0.0Gi", "0"), ("1500k", "1500k"),
        ("1.5M", "1500k"), (1_000_000, "1M"), ("1.500", "1.500"), ("0.500", "500m"), (".500", "500m"),
        ("1.250", "1.250"),
        ("1.000", "1"), ("1.500k", "1.500k"), ("0.001k", "1"), ("1.234567", "1235m"), ("12.500m", "13m"),
        ("1500000u", "1500m"), (1.5e3, "1500"), ("1.500Ki", "1536"), ("1000", "1k"), ("1000m", "1"), ("1000000m", "1k"),
        ("1.0", "1"), ("1.5000", "1500m"), ("0.0005Ki", "512m"), ("1Ei", "1Ei"), ("100Ti", "100Ti"), ("8Gi", "8Gi"),
        ("1048576Ki", "1Gi"),
    ]

    @Test("An amount is written as a server stores it", arguments: stored.indices)
    func amounts(_ index: Int) {
        let (value, text) = Self.stored[index]
        #expect(Quantity(value)?.text ?? value.string == text)
    }

    /// Texts that it stores unchanged, amounts that it would cap, and texts that are not amounts.
    @Test(
        "What is not sure is left alone",
        arguments: [
            "+5", "007", "5.", "12E6", "1e0", "1e-3", "1000Ei", "-4", "", ".", "Mi", "1.2.3", "4 Mi", "4mi", "{{ a }}",
            "12345678901234567890", "٣", "4\u{301}",
        ] as [JSON])
    func leftAlone(_ value: JSON) { #expect(Quantity(value) == nil) }

    @Test("A quota's amounts are texts; only known fields of Kubernetes' kinds are touched")
    func quota() {
        var quota: JSON = ["spec": ["hard": ["limits.cpu": 4, "pods": "x"], "scopes": [1]]]
        var foreign = quota
        let core = ResourceType(version: "v1", kind: "ResourceQuota", plural: "resourcequotas", isNamespaced: true)
        quota.takeStoredForm(as: core)
        #expect(quota == ["spec": ["hard": ["limits.cpu": "4", "pods": "x"], "scopes": [1]]])
        let other = ResourceType(
            group: "example.com", version: "v1", kind: "ResourceQuota", plural: "resourcequotas", isNamespaced: true)
        foreign.takeStoredForm(as: other)
        #expect(foreign[path: ["spec", "hard", "limits.cpu"]] == 4)
        for odd in [["spec": 1], ["spec": ["hard": nil]], [:]] as [JSON] {
            var same = odd
            same.takeStoredForm(as: core)
            #expect(same == odd)
        }
    }

    @Test("A container's limits are completed as the server completes them")
    func limitRange() {
        var range: JSON = [
            "spec": [
                "limits": [
                    [
                        "type": "Container", "default": ["cpu": 1, "memory": "1024Mi"],
                        "defaultRequest": ["cpu": "0.5"],
                        "max": ["cpu": 2, "example.com/gpu": 1], "min": ["ephemeral-storage": "1024Ki"],
                    ], ["type": "Pod", "max": ["cpu": 4]],
                ]
            ]
        ]
        range.takeStoredForm(
            as: ResourceType(version: "v1", kind: "LimitRange", plural: "limitranges", isNamespaced: true))
        let limits: JSON = [
            [
                "type": "Container", "default": ["cpu": "1", "memory": "1Gi", "example.com/gpu": "1"],
                "defaultRequest": ["cpu": "500m", "memory": "1Gi", "example.com/gpu": "1", "ephemeral-storage": "1Mi"],
                "max": ["cpu": "2", "example.com/gpu": "1"], "min": ["ephemeral-storage": "1Mi"],
            ], ["type": "Pod", "max": ["cpu": "4"]],
        ]
        #expect(range[path: ["spec", "limits"]] == limits)
    }
}
