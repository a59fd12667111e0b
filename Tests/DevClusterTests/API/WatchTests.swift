import DevCluster
import JSON
import TestSupport
import Testing

@Suite("Watches", .timeLimit(.minutes(patience)))
struct WatchTests {
    private let path = "/api/v1/namespaces/default/configmaps"

    private func configMap(_ name: String, labels: JSON = [:]) -> JSON {
        ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string(name), "labels": labels]]
    }

    @Test("A watch from a resourceVersion sees past and coming changes after it")
    func fromVersion() async {
        let api = Harness()
        await api("POST \(path)", configMap("before"))
        let version = api.store.revision
        await api("POST \(path)", configMap("after"))
        let watch = await api.watch("\(path)?watch=1&resourceVersion=\(version)")
        #expect(await watch.summary() == "ADDED after")
        await api("DELETE \(path)/before")
        let event = await watch.next()
        #expect(event?["type"] == "DELETED")
        #expect(event?["object"]?["metadata"]?["resourceVersion"]?.string == String(api.store.revision))
    }

    @Test("A change of labels turns an update into ADDED or DELETED for a selective watch")
    func selection() async {
        let api = Harness()
        await api("POST \(path)", configMap("a", labels: ["in": "no"]))
        let watch = await api.watch("\(path)?watch=1&labelSelector=in%3Dyes&resourceVersion=\(api.store.revision)")
        let patch = "application/merge-patch+json"
        await api("PATCH \(path)/a", ["metadata": ["labels": ["in": "yes"]]], type: patch)
        await api("PATCH \(path)/a", ["data": ["k": "v"]], type: patch)
        await api("PATCH \(path)/a", ["metadata": ["labels": ["in": "no"]]], type: patch)
        #expect(await watch.summary() == "ADDED a")
        #expect(await watch.summary() == "MODIFIED a")
        let deleted = await watch.next()
        #expect(deleted?["type"] == "DELETED")
        // The last state that was selected, under the revision of the change.
        #expect(deleted?["object"]?["metadata"]?["labels"]?["in"] == "yes")
        #expect(deleted?["object"]?["metadata"]?["resourceVersion"]?.string == String(api.store.revision))
    }

    @Test("After a compaction an older version gets an ERROR event with 410 inside a 200")
    func compaction() async {
        let api = Harness()
        await api("POST \(path)", configMap("a"))
        let version = api.store.revision
        await api("POST \(path)", configMap("b"))
        let live = await api.watch("\(path)?watch=1&resourceVersion=\(api.store.revision)")
        api.store.compact()
        let answer = await api("GET \(path)?watch=1&resourceVersion=\(version)")
        #expect(answer.status == 200)
        #expect(answer.json["type"] == "ERROR")
        #expect(answer.json["object"]?["code"] == 410)
        #expect(answer.json["object"]?["reason"] == "Expired")
        #expect(
            answer.json["object"]?["message"]?.string == "too old resource version: \(version) (\(api.store.revision))")
        // A watch that is up to date goes on.
        await api("POST \(path)", configMap("c"))
        #expect(await live.summary() == "ADDED c")
    }

    @Test("A watch that falls behind the history gets 410, and memory stays bounded")
    func slowReader() async {
        let api = Harness(historyLimit: 8)
        let watch = await api.watch("\(path)?watch=1&resourceVersion=\(api.store.revision)")
        for index in 0..<40 { await api("POST \(path)", configMap("c\(index)")) }
        #expect(await watch.summary()?.hasPrefix("ERROR too old resource version") == true)
        #expect(await watch.next() == nil)
    }

    @Test("Initial events end with an annotated bookmark; others carry the current revision")
    func bookmarks() async {
        let api = Harness { $0.bookmarkInterval = .milliseconds(20) }
        await api("POST \(path)", configMap("a"))
        let watch = await api.watch(
            "\(path)?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true")
        #expect(await watch.summary() == "ADDED a")
        let end = await watch.next()
        #expect(end?["object"]?["metadata"]?["annotations"]?["k8s.io/initial-events-end"] == "true")
        let bookmark = await watch.next()
        #expect(bookmark?["type"] == "BOOKMARK")
        #expect(bookmark?["object"]?["metadata"]?["resourceVersion"]?.string == String(api.store.revision))
        #expect(bookmark?["object"]?["kind"] == "ConfigMap")
    }

    @Test("timeoutSeconds ends a watch in good order")
    func timeout() async {
        let api = Harness()
        let answer = await api("GET \(path)?watch=1&timeoutSeconds=1&resourceVersion=\(api.store.revision)")
        #expect(answer.status == 200)
        #expect(answer.bytes.isEmpty)
    }

    @Test("Cancelling the reader ends a silent watch")
    func cancellation() async {
        let api = Harness()
        guard
            case .stream(let stream) = await api.open("GET \(path)?watch=1&resourceVersion=\(api.store.revision)").body
        else {
            Issue.record("no stream")
            return
        }
        await withTaskGroup(of: [UInt8]?.self) { group in
            group.addTask { await stream.next() }
            group.cancelAll()
            for await bytes in group { #expect(bytes == nil) }
        }
    }

    @Test("Metadata-only watches hold PartialObjectMetadata")
    func metadataOnly() async {
        let api = Harness()
        await api("POST \(path)", configMap("a"))
        let watch = await api.watch(
            "\(path)?watch=1", accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json")
        let event = await watch.next()
        #expect(event?["object"]?["kind"] == "PartialObjectMetadata")
        #expect(event?["object"]?["data"] == nil)
    }

    @Test("System controllers see every object, then every change")
    func storeChanges() async {
        let api = Harness()
        var changes = api.store.changes(of: .configMaps).makeAsyncIterator()
        await api("POST \(path)", configMap("a"))
        let first = await changes.next()
        #expect(first?.name == "a" && first?.kind == .added)
        api.store.delete(.configMaps, namespace: "default", name: "a")
        let second = await changes.next()
        #expect(second?.kind == .deleted)
    }
}
