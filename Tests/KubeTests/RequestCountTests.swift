import Testing

@testable import Kube

@Suite("Requests are counted")
struct RequestCountTests {
    @Test("A host is named without credentials and path")
    func host() {
        #expect(RequestCounts.host("https://u:p@dp1:6443/k8s/clusters/c-1") == "dp1:6443")
        #expect(RequestCounts.host("https://[::1]:6443") == "[::1]:6443")
        #expect(RequestCounts.host("dp1") == "dp1")
        #expect(RequestCounts.host("") == "")
    }

    @Test("Whatever a server answers, a host has few series")
    func bounded() {
        let host = RequestCounts().host(ofServer: "https://dp1")
        for code in -5...1200 { host.count("GET", code) }
        host.count("GET", nil)
        let all = host.all
        #expect(all.count < 40)
        #expect(all[.init(method: "GET", code: "<error>")] == 1 && all[.init(method: "GET", code: "429")] == 1)
        #expect(all[.init(method: "GET", code: "4xx")]! > 50 && all[.init(method: "GET", code: "other")]! > 100)
    }

    @Test("Clients of one host share its counts, which go with the last of them")
    func life() {
        let counts = RequestCounts()
        var first: RequestCounts.Host? = counts.host(ofServer: "https://dp1")
        var second: RequestCounts.Host? = counts.host(ofServer: "https://dp1/")
        #expect(first === second)
        first?.count("GET", 200)
        first = nil
        #expect(counts.all.first?.all[.init(method: "GET", code: "200")] == 1)
        #expect(second != nil)
        second = nil
        #expect(counts.all.isEmpty)
    }
}
