import Crypto
import Foundation
import JSON
import KubeObjects
import Support
import Testing
import X509

@testable import Fleet

@Suite("CA bundles as they are in the field")
struct CABundleTests {
    /// What OpenSSL takes and our parser does not: made with `openssl req -x509 -sigopt rsa_padding_mode:pss` and
    /// `openssl genrsa 1024`, and a list of revoked certificates.
    private static let unmodelled = ["rsa-pss.pem", "rsa-1024.pem", "crl.pem"]

    private func fixture(_ name: String) throws -> String {
        try Repository.text("Tests/FleetTests/Fixtures/ca/\(name)")
    }

    private func read(_ ca: String, now time: Instant = now) -> CheckedCredentials {
        let entries = ["t": Sensitive("opaque-token"), "c": Sensitive(ca)]
        return CheckedCredentials.read(CredentialsTests.short, in: SecretContent(entries), now: time)
    }
    private func credentials(_ ca: String, now time: Instant = now) throws -> Credentials {
        guard case .valid(let credentials) = read(ca, now: time) else {
            throw DecodingFailure(path: "", message: "\(read(ca))")
        }
        return credentials
    }

    @Test("A block that can't be modelled is skipped and named, and the good one serves", arguments: unmodelled)
    func skipped(_ name: String) throws {
        let good = try TestCA.pem(ends: now + 100 * day)
        for bundle in try [good + fixture(name), fixture(name) + good] {
            let found = try credentials(bundle)
            #expect(String(decoding: found.ca ?? [], as: UTF8.self) == good)
            let note = try #require(found.notes.first)
            #expect(note.hasPrefix("key c: not used: line "), "\(note)")
            #expect(found.notes.count == 1)
        }
        let note = try #require(try credentials(good + fixture(name)).notes.first)
        #expect(note.contains(name == "crl.pem" ? "X509 CRL" : "the certificate can't be read"), "\(note)")
    }

    @Test("A bundle of which nothing can be used is refused, with the first reason", arguments: unmodelled)
    func noneLeft(_ name: String) throws {
        guard case .invalid(let reason, let message) = try read(fixture(name) + fixture("crl.pem")) else {
            Issue.record("it would be used")
            return
        }
        #expect(reason == .caCertMalformed)
        #expect(message.hasPrefix("Secret s, key c: line 1: "), "\(message)")
    }

    @Test("Half a block, or one with lost line breaks, is skipped beside a good one")
    func broken() throws {
        let good = try TestCA.pem(ends: now + 100 * day)
        let cases = [
            good + String(good.dropLast(40)), good + good.replacing("\n", with: " "),
            String(good.dropLast(40)) + "\n" + good,
            good.replacing("END CERTIFICATE", with: "END X") + good,
            good + "-----END CERTIFICATE-----\n",
        ]
        for bundle in cases {
            let found = try credentials(bundle)
            #expect(String(decoding: found.ca ?? [], as: UTF8.self) == good)
            #expect(found.notes.count == 1)
        }
    }

    @Test("A CA bundle that Go, and so flyteadmin, can not read is known as such")
    func readByGo() throws {
        let good = try TestCA.pem(ends: now + 100 * day)
        func isReadByGo(_ ca: String) throws -> Bool { try CABundle.read(Sensitive(ca)).get().isReadByGo }
        #expect(try isReadByGo(good))
        #expect(try isReadByGo("Bag Attributes\n" + good.replacing("\n", with: "\r\n")))
        #expect(try !isReadByGo("\u{FEFF}" + good))
        #expect(try !isReadByGo("  " + good))
        #expect(try !isReadByGo(good.replacing("-----\n", with: "-----\u{B}\n")))
        #expect(try !isReadByGo(good.replacing("+", with: "-").replacing("/", with: "_")))
    }

    @Test("Certificates joined without a line break are used, and Go does not find them")
    func joined() throws {
        let all = try (1...3).map { try TestCA.pem(ends: now + Double($0) * 100 * day) }
        let (a, b, c) = (all[0], all[1], all[2])
        func cut(_ pem: String) -> String { String(pem.dropLast()) }
        func said(_ ca: String) -> String? {
            SecretContent(["t": Sensitive("abc"), "c": Sensitive(ca)])
                .unreadableByFlyteAdmin(tokenKey: "t", caCertKey: "c")
        }
        for bundle in [cut(a) + b, cut(a) + " " + b, cut(a) + cut(b)] {
            #expect(try credentials(bundle).ca == Array((a + b).utf8))
            #expect(try credentials(bundle).notes == [])
            let text = try #require(said(bundle))
            #expect(text.contains("finds no certificate in c (line 1: an END and a BEGIN are on one line"), "\(text)")
            #expect(text.hasSuffix(", and 1 more)"), "\(text)")
        }
        #expect(try credentials(cut(a) + cut(b) + c).ca == Array((a + b + c).utf8))
        let text = try #require(said(c + cut(a) + b))
        #expect(text.contains("does not find each certificate in c (line "), "\(text)")
        #expect(said(a + b) == nil)
    }

    /// The texts and the numbers are those of a Go program: `x509.CertPool.AppendCertsFromPEM` of Go 1.26, then the
    /// number of subjects.
    @Test("Of a damaged bundle, as many certificates count as readable for Go as Go finds")
    func asGo() throws {
        let all = try (1...3).map { try TestCA.pem(ends: now + Double($0) * 100 * day) }
        let (a, b, c) = (all[0], all[1], all[2])
        func found(_ text: String) -> Int {
            guard case .success(let bundle) = CABundle.read(Sensitive(text)) else { return 0 }
            return bundle.lifetimes.count - bundle.unreadByGo.count
        }
        let cut = String(a.dropLast())
        #expect(found(a + b) == 2)
        #expect(found(cut + b) == 0)
        #expect(found(cut + b + c) == 1)
        #expect(found(c + cut + b) == 1)
        #expect(found(cut + "\t\n" + b) == 2)
        #expect(found(cut + " # mine\n" + b) == 1)
        #expect(found("x" + a + b) == 1)
        #expect(found(a.replacing("-----END", with: "x-----END") + b) == 1)
        #expect(found(a.replacing("-----END", with: " -----END") + b) == 1)
        #expect(found(a.replacing("\n-----END", with: "-----END") + b) == 1)
        #expect(found("-----END CERTIFICATE-----\n" + a) == 1)
        #expect(found(a.replacing("END CERT", with: "END X") + b) == 1)
        #expect(found(a.replacing("\n", with: "\r")) == 0)
    }

    @Test("An expired root beside a good one gives no warning and no time")
    func expiredBeside() throws {
        let (good, ended) = try (TestCA.pem(ends: now + 100 * day), TestCA.pem(ends: now + -1500 * day))
        for bundle in [good + ended, ended + good] {
            let found = try credentials(bundle)
            #expect(found.caExpirationTime == Timestamp(now + 100 * day))
            #expect(found.warnings(now: now) == [])
            #expect((found.ca?.count ?? 0) > good.utf8.count, "the TLS library is given both")
        }
    }

    @Test("Once a root of several has ended, the next one counts, and the warning ends")
    func endsMeanwhile() throws {
        let bundle = try TestCA.pem(ends: now + 5 * day) + TestCA.pem(ends: now + 300 * day)
        #expect(try credentials(bundle).caExpirationTime == Timestamp(now + 5 * day))
        #expect(try credentials(bundle).warnings(now: now).count == 1)
        let later = now + 5 * day
        #expect(try credentials(bundle, now: later).caExpirationTime == Timestamp(now + 300 * day))
        #expect(try credentials(bundle, now: later).warnings(now: later) == [])
    }

    @Test("A bundle that has ended altogether says when, and stays valid")
    func allEnded() throws {
        let bundle = try TestCA.pem(ends: now + -5 * day) + TestCA.pem(ends: now + -day)
        let found = try credentials(bundle)
        #expect(found.caExpirationTime == Timestamp(now + -5 * day))
        #expect(found.warnings(now: now).count == 1)
    }
}

@Suite("A Secret as it is kept")
struct SecretContentTests {
    private let place = CredentialsTests.place

    private func entries(_ token: String, _ ca: String) -> [String: Sensitive] {
        ["dataplane_1_token": Sensitive(token), "dataplane_1_cacert": Sensitive(ca)]
    }
    private func token(_ content: SecretContent) -> Sensitive? {
        guard case .valid(let credentials) = CheckedCredentials.read(place, in: content, now: now) else { return nil }
        return credentials.token
    }

    @Test("An entry is parsed once, however often the rest of the Secret changes")
    func parsedOnce() throws {
        let ca = try CredentialsTests.pem()
        let first = SecretContent(entries("abc", ca))
        let parsed = try #require(token(first))
        #expect(token(first) === parsed, "the very same object")
        var others = entries("abc", ca)
        others["dataplane_2_token"] = Sensitive("new")
        let second = SecretContent(others, previous: first)
        #expect(token(second) === parsed)
        let third = SecretContent(entries("changed", ca), previous: second)
        #expect(token(third) == Sensitive("changed"))
        #expect(token(SecretContent([:], previous: third)) == nil)
    }

    @Test("What the time decides is decided at each reading")
    func time() throws {
        let end = now + 10 * day
        let ca = try CredentialsTests.pem()
        let content = SecretContent(entries(Token.jwt(#"{"exp":\#(Int(end.secondsSince1970))}"#), ca))
        #expect(token(content) != nil)
        guard case .valid(let later) = CheckedCredentials.read(place, in: content, now: end) else {
            Issue.record("not read")
            return
        }
        #expect(ExpiryStage.of(later.tokenLifetime, now: end) == .expired)
        let lifetimes = CheckedCredentials.lifetimes(place, in: content, now: end)
        #expect(lifetimes.token?.end == Timestamp(end))
        #expect(lifetimes.caCert?.end == Timestamp(now + 100 * day))
    }

    @Test("Only labels and annotations of our group are kept")
    func ours() {
        let content = SecretContent(
            [:], labels: ["app": "x", "multicluster.flyte.org/use": "values"],
            annotations: ["kubectl.kubernetes.io/last-applied-configuration": "secret"])
        #expect(content.labels == ["multicluster.flyte.org/use": "values"])
        #expect(content.annotations.isEmpty)
    }

    @Test("White space that flyteadmin would fail on is said; line breaks do no harm")
    func raw() throws {
        let ca = try CredentialsTests.pem()
        func said(_ token: String, _ ca: String) -> String? {
            SecretContent(entries(token, ca))
                .unreadableByFlyteAdmin(tokenKey: "dataplane_1_token", caCertKey: "dataplane_1_cacert")
        }
        #expect(said("abc", ca) == nil)
        #expect(said("abc", "\n\n# mine\n" + ca + "\n \n") == nil)
        for token in ["abc\n", " abc", "abc\r\n", "\u{feff}abc"] {
            #expect(said(token, ca)?.contains("white space around the token (dataplane_1_token)") == true)
        }
        let indented = ca.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n")
        for ca in [indented, "\u{feff}" + ca, " " + ca] {
            let text = try #require(said("abc", ca))
            #expect(
                text.contains("finds no certificate in dataplane_1_cacert (line 1: there is white space"), "\(text)")
        }
        #expect(said("abc", indented + "\n" + ca) == nil, "Go finds the same certificate further down")
    }
}
