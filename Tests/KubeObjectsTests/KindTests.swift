import JSON
import KubeObjects
import Support
import Testing

@Suite("Kinds")
struct KindTests {
    @Test("One broken key of a Secret leaves the others usable, and nothing prints a value")
    func secret() throws {
        let secret = try Secret(
            json: [
                "metadata": ["name": "cluster-credentials"], "type": "Opaque",
                "data": ["good": "aGVsbG8=", "broken": "%%%", "number": 5, "empty": "", "null": nil],
            ])
        #expect(secret["good"] == Sensitive("hello"))
        #expect(secret["broken"] == nil)
        #expect(secret.data["broken"] == .unusable("the value is not base64"))
        #expect(secret.data["number"] == .unusable("the value is not a string"))
        #expect(secret["empty"] == Sensitive(""))
        #expect(secret["null"] == Sensitive(""))
        #expect(!"\(secret)".contains("hello"))
        #expect(!String(reflecting: secret).contains("hello"))
    }

    @Test("A Secret without data has no keys; one whose data is not an object is malformed")
    func secretShapes() throws {
        #expect(try Secret(json: ["metadata": ["name": "a"]]).data.isEmpty)
        let failure = #expect(throws: DecodingFailure.self) {
            try Secret(json: ["metadata": ["name": "a"], "data": "x"])
        }
        #expect(failure?.path == "data")
    }

    @Test("A Lease keeps its whole spec when read and written, to the microsecond")
    func lease() throws {
        let json: JSON = [
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": ["name": "squadron", "namespace": "flyte", "resourceVersion": "9"],
            "spec": [
                "holderIdentity": "a", "leaseDurationSeconds": 15, "acquireTime": "2026-01-02T03:04:05.000001Z",
                "renewTime": "2026-01-02T03:04:06.999999Z", "leaseTransitions": 4, "strategy": "OldestEmulationVersion",
                "preferredHolder": "b",
            ],
        ]
        #expect(try Lease(json: json).encoded() == json)
        #expect(try Lease(json: ["metadata": ["name": "a"]]).spec == nil)
    }

    @Test("A Namespace is terminating from its deletionTimestamp on")
    func namespace() throws {
        #expect(try !Namespace(json: ["metadata": ["name": "a"], "status": ["phase": "Active"]]).isTerminating)
        #expect(try Namespace(json: ["metadata": ["name": "a"], "status": ["phase": "Terminating"]]).isTerminating)
        let deleted: JSON = ["metadata": ["name": "a", "deletionTimestamp": "2026-01-02T03:04:05Z"]]
        #expect(try Namespace(json: deleted).isTerminating)
    }

    @Test("A review without `allowed` is an unusable answer, not a refusal or a permission")
    func accessReview() throws {
        #expect(try SelfSubjectAccessReview(json: ["status": ["allowed": true]]).isAllowed)
        #expect(try !SelfSubjectAccessReview(json: ["status": ["allowed": false, "reason": "no"]]).isAllowed)
        for json: JSON in [[:], ["status": [:]], ["status": ["allowed": "yes"]]] {
            #expect(throws: DecodingFailure.self) { try SelfSubjectAccessReview(json: json) }
        }
        let request = SelfSubjectAccessReview.request(.init(verb: "patch", resource: "namespaces", name: "x"))
        #expect(
            request[path: ["spec", "resourceAttributes"]]
                == ["verb": "patch", "group": "", "resource": "namespaces", "name": "x"])
        #expect(request["apiVersion"] == "authorization.k8s.io/v1")
    }

    @Test("The user is read from the server's answer")
    func selfSubjectReview() throws {
        let review = try SelfSubjectReview(
            json: ["status": ["userInfo": ["username": "system:serviceaccount:a:b", "uid": "u", "groups": ["g"]]]])
        #expect(review.username == "system:serviceaccount:a:b")
        #expect(review.groups == ["g"])
        #expect(throws: DecodingFailure.self) { try SelfSubjectReview(json: [:]) }
    }

    @Test("Version and user from a server are cut and cleaned, since they go into a status")
    func bounded() throws {
        func version(_ text: String) throws -> String {
            try VersionInfo(json: ["gitVersion": .string(text)]).gitVersion
        }
        func username(_ text: String) throws -> String {
            try SelfSubjectReview(json: ["status": ["userInfo": ["username": .string(text)]]]).username
        }
        #expect(try version("v1.33.1-eks-1234") == "v1.33.1-eks-1234")
        #expect(try version("v1\n\u{1B}[31m") == "v1\u{FFFD}\u{FFFD}[31m")
        for character in ["v", "\0", "🚀"] {
            let text = String(repeating: character, count: 1 << 20)
            let server = try version(text)
            #expect(server.hasSuffix("…") && (100...128).contains(server.utf8.count))
            let user = try username(text)
            #expect(user.hasSuffix("…") && (500...512).contains(user.utf8.count))
        }
    }

    @Test("Impossible counts can't overflow and end the process")
    func extremeCounts() throws {
        func rollout(_ wanted: Int64, _ status: JSON) throws -> Deployment.Rollout {
            try Deployment(
                json: ["metadata": ["name": "a"], "spec": ["replicas": .int(wanted)], "status": status]
            ).rollout
        }
        #expect(
            try rollout(-9, ["replicas": .int(.max), "updatedReplicas": -5])
                == .progressing("9223372036854775807 old replicas are still there"))
        #expect(
            try rollout(.max, ["replicas": .int(.max), "updatedReplicas": -5])
                == .progressing("-5 of 9223372036854775807 replicas are updated"))
        #expect(try rollout(.min, ["replicas": .int(.min), "updatedReplicas": .int(.max)]) != .complete)
    }

    @Test("A rollout's state follows kubectl's rules")
    func rollout() throws {
        func rollout(_ status: JSON, generation: Int64 = 2) throws -> Deployment.Rollout {
            let generation = JSON.int(generation)
            return try Deployment(
                json: ["metadata": ["name": "a", "generation": generation], "spec": ["replicas": 2], "status": status]
            ).rollout
        }
        let done: JSON = ["observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2]
        #expect(try rollout(done) == .complete)
        #expect(try rollout(done, generation: 3) == .progressing("the change has not been observed yet"))
        #expect(
            try rollout(["observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 2])
                == .progressing("1 old replicas are still there"))
        #expect(
            try rollout(["observedGeneration": 2, "replicas": 2, "updatedReplicas": 1])
                == .progressing("1 of 2 replicas are updated"))
        #expect(
            try rollout([
                "observedGeneration": 2,
                "conditions": [
                    [
                        "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
                        "message": "stuck", "lastTransitionTime": "2026-01-02T03:04:05Z",
                    ]
                ],
            ]) == .failed("stuck"))
    }
}
