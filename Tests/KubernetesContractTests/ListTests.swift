import JSON
import TestSupport
import Testing

/// What the operator assumes of lists and of metadata-only reads.
@Suite("Contract: lists", .timeLimit(.minutes(3 * patience)))
struct ListTests {
    private static let partialList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    private static let partial = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

    @Test(
        "List items have no apiVersion and kind; an empty list's items are not null",
        arguments: ServerKind.atHand)
    func plain(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "secrets")
            let empty = try await api.get(path).require(200)
            #expect(empty["kind"] == "SecretList" && empty["items"] == [])
            #expect(UInt64(empty.resourceVersion) != nil)
            try await api.post(path, ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": "s"]]).require(201)
            let item = try #require(try await api.get(path).require(200)["items"]?.array?.first)
            #expect(item["kind"] == nil && item["apiVersion"] == nil)
            let custom = Objects.flyte(namespace, "executionlabels")
            try await api.post(
                custom, Objects.custom("ExecutionLabel", "l", spec: ["clusters": [["name": "c", "weight": 1]]])
            ).require(201)
            // Custom resources are stored with them.
            let label = try #require(try await api.get(custom).require(200)["items"]?.array?.first)
            #expect(label["kind"] == "ExecutionLabel")
        }
    }

    @Test("A metadata-only list has only metadata, and `items: null` if it is empty", arguments: ServerKind.atHand)
    func metadataOnly(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "secrets")
            let empty = try await api.get(path, accept: Self.partialList).require(200)
            #expect(empty["kind"] == "PartialObjectMetadataList" && empty["apiVersion"] == "meta.k8s.io/v1")
            #expect(empty["items"] == .null)
            let secret: JSON = [
                "apiVersion": "v1", "kind": "Secret", "metadata": ["name": "s", "labels": ["a": "b"]],
                "data": ["k": "dg=="],
            ]
            let created = try await api.post(path, secret).require(201)
            let list = try await api.get(path, accept: Self.partialList).require(200)
            let item = try #require(list["items"]?.array?.first)
            #expect(item["data"] == nil && item["type"] == nil)
            #expect(item[path: ["metadata", "labels"]] == ["a": "b"])
            #expect(item[path: ["metadata", "resourceVersion"]] == .string(created.resourceVersion))
            let single = try await api.get("\(path)/s", accept: Self.partial).require(200)
            #expect(single["kind"] == "PartialObjectMetadata" && single["data"] == nil)
        }
    }

    @Test("A metadata-only watch has PartialObjectMetadata in its events and bookmarks", arguments: ServerKind.atHand)
    func metadataOnlyWatch(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps")
            try await api.post(path, Objects.configMap("a", ["k": "v"], labels: ["in": "it"])).require(201)
            let watch = try await api.watch(
                "\(path)?labelSelector=in%3Dit&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
                accept: Self.partial)
            let events = try await watch.until("BOOKMARK")
            #expect(events.map(\.summary) == ["ADDED a", "BOOKMARK "])
            for event in events {
                #expect(
                    event.object["kind"] == "PartialObjectMetadata" && event.object["apiVersion"] == "meta.k8s.io/v1")
                #expect(event.object["data"] == nil)
            }
            try await api.delete("\(path)/a").require(200)
            // Another bookmark may come first.
            let deleted = try #require(try await watch.until("DELETED").last)
            #expect(deleted.summary == "DELETED a" && deleted.object["kind"] == "PartialObjectMetadata")
        }
    }

    @Test("Pages show one state, and no change between them is in any", arguments: ServerKind.atHand)
    func pages(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "secrets")
            for name in ["a", "b", "c", "d", "e"] {
                try await api.post(path, ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": .string(name)]])
                    .require(201)
            }
            func names(_ answer: Answer) -> [String] {
                answer["items"]?.array?.compactMap { $0[path: ["metadata", "name"]]?.string } ?? []
            }
            let first = try await api.get("\(path)?limit=2").require(200)
            #expect(names(first) == ["a", "b"])
            #expect(first.metadata["remainingItemCount"] == 3)
            try await api.delete("\(path)/d").require(200)
            try await api.post(path, ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": "c2"]]).require(201)
            var token = try #require(first.metadata["continue"]?.string)
            let second = try await api.get("\(path)?limit=2&continue=\(token)").require(200)
            #expect(names(second) == ["c", "d"])
            #expect(second.resourceVersion == first.resourceVersion)
            token = try #require(second.metadata["continue"]?.string)
            let last = try await api.get("\(path)?limit=2&continue=\(token)").require(200)
            #expect(names(last) == ["e"])
            #expect(last.metadata["continue"] == nil && last.metadata["remainingItemCount"] == nil)
            #expect(last.resourceVersion == first.resourceVersion)
        }
    }

    @Test(
        "A list of a version that isn't there yet is a 504 that asks to try again", .timeLimit(.minutes(patience)),
        arguments: ServerKind.atHand)
    func fromTheFuture(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        let answer = try await api.get("/api/v1/namespaces?resourceVersion=9000000000000")
        #expect(answer.status == 504 && answer.reason == "Timeout")
        #expect(answer.message.hasPrefix("Timeout: Too large resource version: 9000000000000, current: "))
        #expect(answer.causes == [["reason": "ResourceVersionTooLarge", "message": "Too large resource version"]])
        #expect(answer["details", "retryAfterSeconds"] == 1)
    }
}
