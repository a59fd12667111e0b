import JSON
import TestSupport
import Testing

/// What the operator assumes of values that the server writes otherwise than it got them.
@Suite("Contract: typed values", .timeLimit(.minutes(3 * patience)))
struct TypedValueTests {
    /// The value as it is sent, and as it is answered.
    private static let amounts: [(JSON, String)] = [
        (4, "4"), ("4", "4"), ("1000m", "1"), (0.5, "500m"), ("0.5", "500m"), (1.5, "1500m"), (1000, "1k"),
        ("1000", "1k"), ("1024Mi", "1Gi"), ("1500Mi", "1500Mi"), ("8Gi", "8Gi"), ("0.5Gi", "512Mi"),
        ("1.5Gi", "1536Mi"), ("100Ti", "100Ti"), ("1e3", "1e3"), ("1e4", "10e3"), ("01", "01"), ("1.0", "1"),
        ("1.500", "1.500"), ("1.5000", "1500m"), ("100u", "1m"), ("0.0001", "1m"), ("-0", "0"), (".5", "500m"),
        ("1048576Ki", "1Gi"), ("0.1Ki", "102400m"), ("1023", "1023"), ("1Ei", "1Ei"), ("9Ei", "9223372036854775807"),
        ("12345678901234567890", "12345678901234567890"), ("1000000m", "1k"), ("0.0005Ki", "512m"), (.null, "0"),
    ]

    @Test(
        "Quantities are answered in canonical form, however they were written",
        arguments: ServerKind.atHand)
    func quantities(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "resourcequotas", "q")
            var isFirst = true
            for (sent, answered) in Self.amounts {
                let answer = try await api.apply("alpha", path, Self.quota(sent)).require(isFirst ? 201 : 200)
                isFirst = false
                #expect(answer["spec", "hard", "limits.cpu"] == .string(answered), "\(sent.serializedString)")
            }
            for sent in ["x", "1 m", "", "1..2", "1mm"] as [JSON] {
                let answer = try await api.patch(.strategic, path, ["spec": ["hard": ["limits.cpu": sent]]])
                #expect(answer.status == 422, "\(sent.serializedString): \(answer)")
            }
            let negative = try await api.apply("alpha", path, Self.quota("-1"))
            negative.expect(
                422, "Invalid",
                "ResourceQuota \"q\" is invalid: spec.hard[limits.cpu]: Invalid value: \"-1\": must be greater than or equal to 0"
            )
        }
    }

    @Test(
        "Conflicts compare the sent text: another way to write the same amount conflicts",
        arguments: ServerKind.atHand)
    func conflicts(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "resourcequotas", "q")
            // It is stored as "4".
            let made = try await api.apply("alpha", path, Self.quota(4)).require(201)
            #expect(made["spec", "hard"] == ["limits.cpu": "4"])
            for other in [4, "4000m", 4.0] as [JSON] {
                let refused = try await api.apply("beta", path, Self.quota(other))
                refused.expect(
                    409, "Conflict", "Apply failed with 1 conflict: conflict with \"alpha\": .spec.hard.limits.cpu")
            }
            // An applier does not conflict with itself, and changes nothing when it repeats.
            let again = try await api.apply("alpha", path, Self.quota(4)).require(200)
            #expect(again["spec"] == made["spec"])
            let shared = try await api.apply("beta", path, Self.quota("4")).require(200)
            let owners = shared.metadata["managedFields"]?.array?.filter { $0["operation"] == "Apply" } ?? []
            #expect(owners.map { $0["manager"] } == ["beta", "alpha"])
            #expect(owners.first?["time"] == nil, "who only joins gets no time")
            // From now on alpha's number conflicts with beta's text.
            let late = try await api.apply("alpha", path, Self.quota(4))
            late.expect(409, "Conflict", "Apply failed with 1 conflict: conflict with \"beta\": .spec.hard.limits.cpu")
            // With force beta loses the field, though the value stays the same.
            let forced = try await api.apply("alpha", path, Self.quota(4), force: true).require(200)
            #expect(forced["spec", "hard"] == ["limits.cpu": "4"])
            let left = forced.metadata["managedFields"]?.array?.filter { $0["operation"] == "Apply" }
            #expect(left?.map { $0["manager"] } == ["alpha"])
        }
    }

    @Test(
        "Maps and objects that are atomic are owned as a whole, granular ones key by key", arguments: ServerKind.atHand)
    func maps(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.group("apps/v1", namespace, "deployments", "d")
            func deployment(_ label: String, _ selector: JSON) -> JSON {
                [
                    "apiVersion": "apps/v1", "kind": "Deployment",
                    "metadata": ["name": "d", "labels": [label: "x"]],
                    "spec": [
                        "selector": ["matchLabels": ["app": "d"]],
                        "template": [
                            "metadata": ["labels": ["app": "d"]],
                            "spec": ["nodeSelector": selector, "containers": [["name": "c", "image": "i"]]],
                        ],
                    ],
                ]
            }
            try await api.apply("alpha", path, deployment("one", ["disk": "ssd"])).require(201)
            let joined = try await api.apply("beta", path, deployment("two", ["disk": "ssd"])).require(200)
            #expect(joined.metadata["labels"] == ["one": "x", "two": "x"], "labels are granular")
            let refused = try await api.apply("beta", path, deployment("two", ["zone": "a"]))
            refused.expect(
                409, "Conflict",
                "Apply failed with 1 conflict: conflict with \"alpha\": .spec.template.spec.nodeSelector")
            let forced = try await api.apply("beta", path, deployment("two", ["zone": "a"]), force: true).require(200)
            #expect(forced["spec", "template", "spec", "nodeSelector"] == ["zone": "a"], "not merged")
        }
    }

    @Test(
        "A value of another type is refused: a create with 400, apply 500, patch 422",
        arguments: ServerKind.atHand)
    func unreadable(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let quotas = Objects.core(namespace, "resourcequotas")
            let why =
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            let posted = try await api.post(quotas, Self.quota("many"))
            posted.expect(
                400, "BadRequest", "ResourceQuota in version \"v1\" cannot be handled as a ResourceQuota: \(why)")
            let applied = try await api.apply("alpha", "\(quotas)/q", Self.quota("many"))
            #expect(applied.status == 500)
            #expect(
                applied.message
                    == "failed to convert new object (/q; /v1, Kind=ResourceQuota) to proper version: unable to convert unstructured object to /v1, Kind=ResourceQuota: \(why)"
            )
            try await api.post(quotas, Self.quota("4")).require(201)
            let patched = try await api.patch(.strategic, "\(quotas)/q", ["spec": ["hard": ["limits.cpu": "many"]]])
            patched.expect(
                422, "Invalid",
                " \"\" is invalid: patch: Invalid value: \"map[spec:map[hard:map[limits.cpu:many]]]\": \(why)")
            for (spec, why) in [
                (["hard": ["limits.cpu": [1]]], ".spec.hard.limits.cpu: expected any scalar, got &{[1]}"),
                (["hard": "x"], ".spec.hard: expected map, got &{x}"),
                (["scopes": "x"], ".spec.scopes: expected list, got &{x}"),
            ] as [(JSON, String)] {
                var quota = Self.quota("4")
                quota["spec"] = spec
                let answer = try await api.apply("alpha", "\(quotas)/q", quota)
                #expect(answer.status == 500)
                #expect(answer.message == "failed to create typed patch object (/q; /v1, Kind=ResourceQuota): \(why)")
            }
        }
    }

    private static func quota(_ amount: JSON) -> JSON {
        [
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": ["name": "q"],
            "spec": ["hard": ["limits.cpu": amount]],
        ]
    }
}
