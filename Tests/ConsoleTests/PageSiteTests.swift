import Serving
import Testing

@testable import Console

@Suite("Access to squadron ui's page")
struct PageSiteTests {
    private func site() -> PageSite {
        let site = PageSite(secret: "s3cret")
        #expect(site.serves(at: ListenAddress(host: "127.0.0.1", port: 0), port: 80) == "http://127.0.0.1:80/s3cret/")
        site.show(FleetPage(ControlPlaneObjects(namespace: "flyte"), now: now))
        return site
    }
    private func status(
        _ site: PageSite, _ path: String, host: String = "127.0.0.1:80", _ more: [(String, String)] = []
    ) -> Int {
        let headers = [("Host", host)] + more
        return site.answer(PageRequest(path: path, headers: headers.map { (name: $0.0, value: $0.1) })).status
    }

    @Test("Only the path with the secret of this run has anything")
    func secret() {
        let site = site()
        #expect(status(site, "/s3cret/") == 200 && status(site, "/s3cret/model") == 200)
        for path in [
            "", "/", "/model", "/s3cre/", "/s3cret0/", "/S3CRET/", "//s3cret/", "/s3cret/x", "/s3cret/model/x",
        ] {
            #expect(status(site, path) == 404, "\(path)")
        }
        let wrong = site.answer(PageRequest(path: "/x", headers: [("Host", "127.0.0.1:80")]))
        #expect(!wrong.text.contains("s3cret") && !wrong.headers.contains { $0.value.contains("s3cret") })
        #expect(PageSite.freshSecret().utf8.count == 43 && PageSite.freshSecret() != PageSite.freshSecret())
    }

    @Test("Another name for this machine gets nothing, whatever it asks for")
    func host() {
        let site = site()
        #expect(status(site, "/s3cret/", host: "localhost:80") == 200)
        for host in ["evil.example", "127.0.0.1", "127.0.0.1:81", "evil.example:80", ""] {
            #expect(status(site, "/s3cret/", host: host) == 421, "\(host)")
        }
        #expect(status(site, "/s3cret/", [("Host", "evil.example")]) == 421)
        #expect(site.answer(PageRequest(path: "/s3cret/")).status == 421)
        let early = PageSite()
        #expect(status(early, "/\(early.secret)/") == 421)
    }

    @Test("What another site asks for is refused")
    func crossSite() {
        let site = site()
        #expect(
            status(site, "/s3cret/model", [("Sec-Fetch-Site", "same-origin"), ("Origin", "http://127.0.0.1:80")]) == 200
        )
        #expect(status(site, "/s3cret/", [("Sec-Fetch-Site", "none")]) == 200)
        for header in [
            ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site"), ("Origin", "http://evil.example"),
            ("Origin", "null"),
        ] {
            #expect(status(site, "/s3cret/model", [header]) == 403, "\(header)")
        }
    }

    @Test("Every answer, a refusal too, forbids to frame, to cache and to read it elsewhere")
    func headers() {
        let site = site()
        for path in ["/s3cret/", "/s3cret/model", "/nothing"] {
            let answer = site.answer(PageRequest(path: path, headers: [("Host", "127.0.0.1:80")]))
            let headers = Dictionary(answer.headers.map { ($0.name, $0.value) }) { first, _ in first }
            #expect(headers["referrer-policy"] == "no-referrer" && headers["cache-control"] == "no-store")
            #expect(headers["cross-origin-resource-policy"] == "same-origin" && headers["x-frame-options"] == "DENY")
            #expect(headers["access-control-allow-origin"] == nil)
        }
        #expect(PageAssets.policy.hasPrefix("default-src 'none'; script-src 'sha256-"))
        #expect(!PageAssets.policy.contains("unsafe"))
    }

    @Test("The document has no inline handler, outside address or markup made of data")
    func document() {
        let document = PageAssets.document
        for word in [
            "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "https://", "onclick=",
            "style=\"",
        ] {
            #expect(!document.contains(word), "\(word)")
        }
        // The namespace of SVG is a name; nothing is fetched from it.
        #expect(document.components(of: "http://") == ["http://www.w3.org/2000/svg"])
    }

    @Test("A changed fleet is announced as a new version, an unchanged fleet is not")
    func versions() throws {
        let site = site()
        func version() -> String { site.answer(request("/s3cret/model")).text }
        func request(_ path: String) -> PageRequest { PageRequest(path: path, headers: [("Host", "127.0.0.1:80")]) }
        #expect(version().contains(#""version":1"#))
        site.show(FleetPage(ControlPlaneObjects(namespace: "flyte"), now: now))
        #expect(version().contains(#""version":1"#))
        site.show(FleetPage(try objects("kind: DataPlane\nmetadata: {name: x}\nspec: {}"), now: now))
        #expect(version().contains(#""version":2"#))
    }

    @Test("Only addresses that no other machine can reach are served")
    func addresses() {
        for text in ["127.0.0.1:0", "127.1.2.3:80", "localhost:1", "[::1]:80"] {
            #expect(ListenAddress(text)?.loopback != nil, "\(text)")
        }
        for text in [
            "0.0.0.0:0", ":80", "[::]:80", "10.0.0.1:80", "127.0.0.1.evil.example:80", "example.com:80", "127.1:80",
            "[::ffff:127.0.0.1]:80", "[fe80::1]:80", "128.0.0.1:80", "127.0.0.256:80", "127.0.0.+1:80",
        ] {
            #expect(ListenAddress(text)?.loopback == nil, "\(text)")
        }
    }
}

extension String {
    /// Each place where it begins with this, up to the next quote.
    fileprivate func components(of start: String) -> [String] {
        ranges(of: start).map {
            String(self[$0.lowerBound...].prefix { $0 != "'" && $0 != "\"" && $0 != " " && $0 != "`" })
        }
    }
}
