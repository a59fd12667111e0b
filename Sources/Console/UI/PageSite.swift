import ControlLoop
import JSON
import KubeObjects
import Serving
import Support

/// The answers of `squadron ui`. Only a browser on this machine that was given the address gets the page.
///
/// - The path begins with a secret of this run. Every other path is 404.
/// - The Host header must be the address itself, so that a foreign name that leads to loopback (DNS rebinding) gets
///   nothing. A request from another site (Origin, Sec-Fetch-Site) is refused.
/// - Every answer forbids other sites to read, frame or cache it.
final class PageSite: Sendable {
    private struct Model {
        var version: UInt64 = 0
        var json: JSON = .null
        var answer = PageAnswer(503, "the first lists have not come yet\n")
    }
    let secret: String
    private let model = Locked(Model())
    private let listeners = Observers<Void>()
    /// Nil before the port is known. Until then, nothing is answered.
    private let hosts = Locked<Set<String>?>(nil)

    init(secret: String = PageSite.freshSecret()) { self.secret = secret }

    /// 256 random bits from the system.
    static func freshSecret() -> String {
        var source = SystemRandomNumberGenerator()
        return Base64.encode((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &source) }, .url)
    }

    /// - Returns: the page's URL.
    func serves(at address: ListenAddress, port: Int) -> String {
        let host = address.host.contains(":") ? "[\(address.host)]" : address.host
        hosts.withLock { $0 = ["\(host):\(port)", "localhost:\(port)"] }
        return "http://\(host):\(port)/\(secret)/"
    }

    /// Shows another state. An equal state changes nothing.
    func show(_ page: FleetPage) {
        let json = page.json
        let isNew = model.withLock { model in
            guard model.json != json else { return false }
            model.version += 1
            model.json = json
            var whole = json
            whole["version"] = .int(Int64(clamping: model.version))
            model.answer = PageAnswer(Array(whole.serializedString.utf8), type: "application/json")
            return true
        }
        if isNew { listeners.tell() }
    }

    func answer(_ request: PageRequest) -> PageAnswer {
        var answer = refusal(of: request) ?? page(request.path)
        answer.headers = Self.headers + answer.headers
        return answer
    }

    private func refusal(of request: PageRequest) -> PageAnswer? {
        let named = request.values(of: "host")
        guard let hosts = hosts.withLock({ $0 }), named.count == 1, hosts.contains(named[0].lowercased()) else {
            return PageAnswer(421, "not the address of this page\n")
        }
        let site = request.values(of: "sec-fetch-site")
        let origins = request.values(of: "origin")
        guard site.allSatisfy({ $0 == "same-origin" || $0 == "none" }),
            origins.allSatisfy({ origin in hosts.contains { origin == "http://\($0)" } })
        else { return PageAnswer(403, "not for other sites\n") }
        return nil
    }

    private func page(_ path: String) -> PageAnswer {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let given = parts.count > 1 ? parts[1] : ""
        guard Self.isSame(given.utf8, secret.utf8), parts.count < 4 else { return PageAnswer(404, "not found\n") }
        switch parts.count == 3 ? String(parts[2]) : nil {
        case ""?:
            var answer = PageAnswer(Array(PageAssets.document.utf8), type: "text/html; charset=utf-8")
            answer.headers = [("content-security-policy", PageAssets.policy)]
            return answer
        case "model"?: return model.withLock { $0.answer }
        case "changes"?: return PageAnswer(changes, type: "text/event-stream")
        case nil:
            var answer = PageAnswer(308, "")
            answer.headers = [("location", "/\(secret)/")]
            return answer
        default: return PageAnswer(404, "not found\n")
        }
    }

    /// Sends the number of each new state. The page then asks for the newest state.
    private var changes: PageStream {
        let model = model
        return PageStream(beat: ":\n\n") { [listeners] wake in
            listeners.subscribe { wake() }
        } next: { last in
            let version = model.withLock { $0.version }
            guard version > last else { return nil }
            return (version, "\(last == 0 ? "retry: 1000\n" : "")data: \(version)\n\n")
        }
    }

    /// Takes as long for a wrong secret as for the right one.
    static func isSame(_ given: some Collection<UInt8>, _ secret: some Collection<UInt8>) -> Bool {
        let given = Array(given)
        var difference: UInt8 = given.count == secret.count ? 0 : 1
        for (index, byte) in secret.enumerated() { difference |= byte ^ (index < given.count ? given[index] : 0) }
        return difference == 0
    }

    private static let headers: [(name: String, value: String)] = [
        ("cache-control", "no-store"), ("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"), ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"), ("x-frame-options", "DENY"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()"), ("x-dns-prefetch-control", "off"),
    ]
}
