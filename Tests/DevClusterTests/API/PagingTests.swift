import DevCluster
import JSON
import Testing

@Suite("Pages of lists")
struct PagingTests {
    private let path = "/api/v1/namespaces/default/configmaps"

    private func filled(_ count: Int, historyLimit: Int = 4096) async -> Harness {
        let api = Harness(historyLimit: historyLimit)
        for index in 0..<count {
            let digits = index < 10 ? "0\(index)" : "\(index)"
            await api("POST \(path)", ["metadata": ["name": .string("c\(digits)")]])
        }
        return api
    }

    private func names(_ answer: Harness.Answer) -> [String] {
        (answer.json["items"]?.array ?? []).compactMap { $0["metadata"]?["name"]?.string }
    }

    @Test("All pages show the state of the first page, whatever happens in between")
    func consistent() async {
        let api = await filled(5)
        let first = await api("GET \(path)?limit=2")
        #expect(names(first) == ["c00", "c01"])
        #expect(first.json["metadata"]?["remainingItemCount"] == 3)
        await api("DELETE \(path)/c02")
        await api("POST \(path)", ["metadata": ["name": "c025"]])
        let token = first.json["metadata"]?["continue"]?.string ?? ""
        let second = await api("GET \(path)?limit=10&continue=\(token)")
        #expect(names(second) == ["c02", "c03", "c04"])
        #expect(second.json["metadata"]?["resourceVersion"] == first.json["metadata"]?["resourceVersion"])
        #expect(second.json["metadata"]?["continue"] == nil)
    }

    @Test("An expired token is a 410 that offers an inconsistent continuation")
    func expiry() async {
        let api = await filled(5)
        let first = await api("GET \(path)?limit=2")
        await api("DELETE \(path)/c03")
        api.store.compact()
        let token = first.json["metadata"]?["continue"]?.string ?? ""
        let second = await api("GET \(path)?limit=2&continue=\(token)")
        #expect(second.status == 410)
        #expect(second.json["reason"] == "Expired")
        #expect(
            second.message.hasPrefix("The provided continue parameter is too old to display a consistent list result."))
        let other = second.json["metadata"]?["continue"]?.string ?? ""
        #expect(names(await api("GET \(path)?limit=5&continue=\(other)")) == ["c02", "c04"])
    }

    @Test("An exact resourceVersion shows the past, and is refused once forgotten")
    func exact() async {
        let api = await filled(2)
        let version = api.store.revision
        await api("DELETE \(path)/c00")
        #expect(
            names(await api("GET \(path)?resourceVersion=\(version)&resourceVersionMatch=Exact")) == ["c00", "c01"])
        api.store.compact()
        let late = await api("GET \(path)?resourceVersion=\(version)&resourceVersionMatch=Exact")
        #expect(late.status == 410)
        #expect(late.message == "The resourceVersion for the provided list is too old.")
    }
}
