import JSON
import TestSupport
import Testing

/// What the operator assumes of watches.
@Suite("Contract: watches", .timeLimit(.minutes(3 * patience)))
struct WatchTests {
    @Test(
        "A watch reports each later change once and in order, deletions with a version",
        arguments: ServerKind.atHand)
    func fromAList(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps")
            try await api.post(path, Objects.configMap("before")).require(201)
            let list = try await api.get(path).require(200)
            let watch = try await api.watch("\(path)?resourceVersion=\(list.resourceVersion)")
            let created = try await api.post(path, Objects.configMap("c", ["k": "1"])).require(201)
            let changed = try await api.patch(.merge, "\(path)/c", ["data": ["k": "2"]]).require(200)
            try await api.delete("\(path)/c").require(200)
            // The controllers may put their ConfigMap here meanwhile.
            let events = try await watch.until("DELETED").filter { $0.name == "c" }
            #expect(events.map(\.summary) == ["ADDED c", "MODIFIED c", "DELETED c"])
            try #require(events.count == 3)
            #expect(events[0].resourceVersion == created.resourceVersion)
            #expect(events[1].resourceVersion == changed.resourceVersion)
            let last = try #require(UInt64(events[2].resourceVersion))
            #expect(last > UInt64(changed.resourceVersion) ?? .max)
            #expect(events[2].object["data"] == ["k": "2"])
            #expect(events[0].object["kind"] == "ConfigMap" && events[0].object["apiVersion"] == "v1")
        }
    }

    @Test("A watch without resourceVersion begins with an ADDED for what is there", arguments: ServerKind.atHand)
    func fromNow(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps")
            try await api.post(path, Objects.configMap("a")).require(201)
            for version in ["", "resourceVersion=0&"] {
                let watch = try await api.watch("\(path)?\(version)fieldSelector=metadata.name%3Da")
                #expect(try await watch.next()?.summary == "ADDED a")
            }
        }
    }

    @Test(
        "For a label selector, an update that leaves is DELETED, one that enters is ADDED",
        arguments: ServerKind.atHand)
    func selector(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps")
            let list = try await api.get(path).require(200)
            let watch = try await api.watch("\(path)?labelSelector=app%3Dx&resourceVersion=\(list.resourceVersion)")
            try await api.post(path, Objects.configMap("a", labels: ["app": "x"])).require(201)
            let left = try await api.patch(.merge, "\(path)/a", ["metadata": ["labels": ["app": "y"]]]).require(200)
            try await api.patch(.merge, "\(path)/a", ["data": ["unseen": "1"]]).require(200)
            try await api.patch(.merge, "\(path)/a", ["metadata": ["labels": ["app": "x"]]]).require(200)
            try await api.delete("\(path)/a").require(200)
            let events = try await watch.next(4)
            #expect(events.map(\.summary) == ["ADDED a", "DELETED a", "ADDED a", "DELETED a"])
            try #require(events.count == 4)
            // The object as it was when it still matched, with the version of the change.
            #expect(events[1].object[path: ["metadata", "labels"]] == ["app": "x"])
            #expect(events[1].resourceVersion == left.resourceVersion)
            #expect(events[2].object["data"] == ["unseen": "1"])
        }
    }

    @Test("A watch of one object by metadata.name reports no other", arguments: ServerKind.atHand)
    func byName(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "secrets")
            let list = try await api.get("\(path)?fieldSelector=metadata.name%3Db").require(200)
            #expect(list["items"] == [])
            let watch = try await api.watch(
                "\(path)?fieldSelector=metadata.name%3Db&resourceVersion=\(list.resourceVersion)")
            for name in ["a", "b"] {
                let secret: JSON = ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": .string(name)]]
                try await api.post(path, secret).require(201)
            }
            #expect(try await watch.next()?.summary == "ADDED b")
            let refused = try await api.get("\(path)?fieldSelector=spec.nope%3Db")
            #expect(refused.status == 400)
            #expect(refused.message.contains("field label not supported"))
        }
    }

    @Test("A watch ends in order, between two lines, when its timeoutSeconds are over", arguments: ServerKind.atHand)
    func timeout(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps")
            let list = try await api.get(path).require(200)
            let start = ContinuousClock.now
            let watch = try await api.watch("\(path)?resourceVersion=\(list.resourceVersion)&timeoutSeconds=2")
            #expect(watch.status == 200)
            let events = try await watch.all().filter { $0.name != "kube-root-ca.crt" }
            #expect(events == [])
            #expect((.seconds(1.5) ... .seconds(15)).contains(ContinuousClock.now - start))
        }
    }

    @Test(
        "Bookmarks come if they are allowed, before the timeout, with only a version",
        arguments: ServerKind.atHand)
    func bookmarks(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "serviceaccounts")
            let query = "labelSelector=no%3Dmatch&timeoutSeconds=5"
            let list = try await api.get(path).require(200)
            async let without = api.watch("\(path)?\(query)&resourceVersion=\(list.resourceVersion)").all()
            let watch = try await api.watch(
                "\(path)?\(query)&resourceVersion=\(list.resourceVersion)&allowWatchBookmarks=true")
            // Kubernetes sends no bookmark with the version at which a watch began.
            let other: JSON = ["apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": "other"]]
            try await api.post(path, other).require(201)
            let events = try await watch.all()
            #expect(!events.isEmpty && events.allSatisfy { $0.type == "BOOKMARK" })
            let bookmark = try #require(events.last)
            #expect(bookmark.object["kind"] == "ServiceAccount" && bookmark.name == "")
            let version = try #require(UInt64(bookmark.resourceVersion))
            #expect(version > UInt64(list.resourceVersion) ?? .max)
            #expect(try await without == [])
        }
    }

    @Test(
        "sendInitialEvents sends present objects, then a marked bookmark, then changes",
        arguments: ServerKind.atHand)
    func initialEvents(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps")
            for name in ["a", "b"] {
                try await api.post(path, Objects.configMap(name, labels: ["in": "it"])).require(201)
            }
            let watch = try await api.watch(
                "\(path)?labelSelector=in%3Dit&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                    + "&allowWatchBookmarks=true")
            let events = try await watch.until("BOOKMARK")
            #expect(events.map(\.summary) == ["ADDED a", "ADDED b", "BOOKMARK "])
            #expect(events.last?.object[path: ["metadata", "annotations"]] == ["k8s.io/initial-events-end": "true"])
            try await api.post(path, Objects.configMap("c", labels: ["in": "it"])).require(201)
            // Another bookmark may come first.
            #expect(try await watch.until("ADDED").last?.summary == "ADDED c")
        }
    }

    @Test(
        "sendInitialEvents without resourceVersionMatch is 422, and so is a match alone",
        arguments: ServerKind.atHand)
    func initialEventsRefused(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        let one = try await api.get("/api/v1/configmaps?watch=1&sendInitialEvents=true&timeoutSeconds=1")
        one.expect(
            422, "Invalid",
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        )
        let other = try await api.get(
            "/api/v1/configmaps?watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=0&timeoutSeconds=1")
        other.expect(
            422, "Invalid",
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        )
    }
}
