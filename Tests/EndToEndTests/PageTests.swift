import DevCluster
import Foundation
import HTTP
import JSON
import Testing

extension EndToEnd.Commands {
    @Suite("squadron ui")
    struct UserInterface {
        /// Starts the command; its process and the page's address.
        private func page(
            _ fleet: TestFleet<DevCluster>, _ folder: TemporaryFolder
        ) async throws -> (process: SquadronProcess, url: String) {
            let path = folder.url.appending(path: "kubeconfig")
            try Data(try fleet.controlPlane.kubeconfig().utf8).write(to: path)
            let process = try SquadronProcess(["ui", "--kubeconfig", path.path], folder: folder)
            try await eventually("the address is printed", seen: { process.output }) { $0.contains("/\n") }
            let url = try #require(process.output.split(separator: "\n").first { $0.hasPrefix("http://127.0.0.1:") })
            return (process, String(url))
        }

        @Test("Without secret, Host or GET there is nothing; other addresses are refused")
        func server() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                let folder = try TemporaryFolder()
                let (process, url) = try await page(fleet, folder)
                let client = HTTPClient(HTTPClientConfiguration(allowsPlainHTTP: true))
                func status(_ method: HTTPRequest.Method, _ url: String, _ headers: HTTPHeaders = [:]) async throws
                    -> Int
                {
                    Int(try await client.send(HTTPRequest(method, url, headers: headers)).status)
                }
                let root = url.split(separator: "/").prefix(2).joined(separator: "//")
                let found = try await status(.get, url)
                #expect(found == 200)
                let model = try await eventually("the model is there", seen: { try await status(.get, url + "model") })
                {
                    $0 == 200
                }
                #expect(model == 200)
                let (bare, posted) = (try await status(.get, root + "/"), try await status(.post, url))
                #expect(bare == 404 && posted == 405)
                let rebound = try await status(.get, url, ["host": "evil.example"])
                #expect(rebound == 421)
                for address in ["0.0.0.0:0", ":0", "example.com:80", "nonsense"] {
                    let other = try SquadronProcess(["ui", "--address", address], folder: folder)
                    try await other.ends()
                    #expect(other.status == 2, "\(address): \(other.output)")
                }
                try await process.terminate()
            }
        }

        @Test(
            "In a browser it shows the fleet, and follows a change without being loaded again",
            .enabled(if: Chromium.path != nil, "needs chromium: apt-get install chromium"))
        func browser() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                let folder = try TemporaryFolder()
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    let (process, url) = try await page(fleet, folder)
                    let browser = try Chromium(folder: folder)
                    try await browser.open(url)
                    func shows(_ what: String, _ selector: String, _ text: String) async throws {
                        let all = "[...document.querySelectorAll('\(selector)')].map(one => one.textContent).join('|')"
                        try await eventually(what, seen: { try await browser.value(of: all).string ?? "" }) {
                            $0.contains(text)
                        }
                    }
                    try await shows("both data planes are Ready", "#live", "2 of 2 data planes Ready")
                    try await shows("each has a card", ".card .name", "dataplane-1|dataplane-2")
                    try await shows("the namespace has a column", ".columns span", "project1-development")
                    try await shows("the flow has the label", ".node", "label1")
                    _ = try await browser.value(of: "window.first = true")

                    try await fleet.admin.apply(assignment("project2", "staging"))
                    try await shows("the new namespace has a column", ".columns span", "project2-staging")
                    try await fleet.admin.apply(fleet.dataPlane(2, ["enabled": false]))
                    try await shows("the data plane is disabled", ".card .badge", "Disabled")
                    #expect(try await browser.value(of: "window.first") == true)
                    #expect(browser.complaints.isEmpty, "\(browser.complaints)")
                    try await process.terminate()
                    try await shows("it says that the command has ended", "#live", "does not answer")
                }
            }
        }
    }
}
