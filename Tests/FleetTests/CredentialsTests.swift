import JSON
import KubeObjects
import Support
import Testing

@testable import Fleet

@Suite("Credentials from Secret entries")
struct CredentialsTests {
    static let token = Token.jwt(#"{"iss":"kubernetes/serviceaccount","sub":"system:serviceaccount:flyte:flyteadmin"}"#)
    static func pem() throws -> String { try TestCA.pem(ends: now + 100 * day) }

    static let place = CredentialsPlace(
        secretName: "cluster-credentials", tokenKey: "dataplane_1_token", caCertKey: "dataplane_1_cacert",
        endpoint: "https://dp1.example.com")
    static let short = CredentialsPlace(
        secretName: "s", tokenKey: "t", caCertKey: "c", endpoint: "https://dp1.example.com")

    func read(token: String?, ca: String?) -> CheckedCredentials {
        var secret: [String: Sensitive] = ["other_token": Sensitive("x")]
        secret["dataplane_1_token"] = token.map { Sensitive($0) }
        secret["dataplane_1_cacert"] = ca.map { Sensitive($0) }
        return CheckedCredentials.read(Self.place, in: SecretContent(secret), now: now)
    }

    func reason(_ checked: CheckedCredentials) -> CredentialsReason? {
        if case .invalid(let reason, _) = checked { reason } else { nil }
    }
    func message(_ checked: CheckedCredentials) -> String {
        if case .invalid(_, let message) = checked { message } else { "" }
    }
    func credentials(_ checked: CheckedCredentials) throws -> Credentials {
        guard case .valid(let credentials) = checked else { throw DecodingFailure(path: "", message: message(checked)) }
        return credentials
    }

    @Test("A long-lived ServiceAccount token and its CA are valid, white space trimmed")
    func valid() throws {
        let ca = try Self.pem()
        let found = try credentials(read(token: "\n  \(Self.token)\r\n", ca: "\n\n\(ca)\n "))
        #expect(found.token == Sensitive(Self.token))
        #expect(String(decoding: found.ca ?? [], as: UTF8.self) == ca)
        #expect(found.tokenExpirationTime == nil)
        #expect(found.caExpirationTime == Timestamp(now + 100 * day))
        #expect(!"\(found)".contains("eyJ"))
    }

    @Test("A token's end is read from it; the data plane's clock decides if it has ended")
    func expiry() throws {
        let ca = try Self.pem()
        let end = now + 10 * day
        let good = try credentials(read(token: Token.jwt(#"{"exp":\#(Int(end.secondsSince1970))}"#), ca: ca))
        #expect(good.tokenExpirationTime == Timestamp(end))
        for ended in ["\(Int(now.secondsSince1970))", "-1e300"] {
            let found = try credentials(read(token: Token.jwt(#"{"exp":\#(ended)}"#), ca: ca))
            let words = ExpiryStage.warnings(found.tokenLifetime, found.caLifetime, now: now)
            #expect(words.count == 1 && words.first?.contains("the token expired at") == true, "\(words)")
        }
        for never in ["1e300", "9223372036854775807", #""soon""#, "null", "true"] {
            #expect(try credentials(read(token: Token.jwt(#"{"exp":\#(never)}"#), ca: ca)).tokenExpirationTime == nil)
        }
    }

    @Test(
        "A static token without the shape of a JWT is accepted",
        arguments: [
            "abcdef.0123456789abcdef", "s3cr3t", "a/b+c==", "sha256~k3dVb7WD", "kubeconfig-u-abc12:q8vz",
            "k8s-aws-v1.aHR0cHM6",
        ])
    func opaque(_ token: String) throws {
        let found = try credentials(read(token: token, ca: Self.pem()))
        #expect(found.token == Sensitive(token))
        #expect(found.tokenExpirationTime == nil)
    }

    static let malformedTokens: [(String, String)] = [
        (Token.base64(token), "base64-encoded once too often"),
        (Token.base64("sha256~k3dVb7WDfF0t1L1w6cFhZ1yJ4cHq1"), "base64-encoded once too often"),
        (Token.base64("kubeconfig-u-abc12:q8vz6x7r9w2t4y5u\n"), "base64-encoded once too often"),
        (Token.base64("k8s-aws-v1.aHR0cHM6Ly9zdHMuYW1hem9u"), "base64-encoded once too often"),
        (Token.base64(token + "\n"), "base64-encoded once too often"),
        (
            String(Token.base64(token).prefix(60)) + "\n" + String(Token.base64(token).dropFirst(60)),
            "base64-encoded once too often"
        ),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "mixed up"),
        ("Bearer " + token, "the word Bearer"),
        ("\"" + token + "\"", "quotes"),
        ("<your-dataplane1-token>", "placeholder"),
        ("two words", "white space within"),
        ("tab\tin", "white space within"),
        ("line\nbreak", "white space within"),
        ("no-break\u{a0}space", "bytes that a token can't have"),
        ("bell\u{7}", "bytes that a token can't have"),
        (String(token.dropLast(60)), "cut off"),
        (token + ".more", "cut off"),
        ("eyJ", "cut off"),
        ("eyJ.eyJ.eyJ", "cut off"),
        (Token.jwt("[]"), "cut off"),
        (Token.jwt("not json"), "cut off"),
        (String(repeating: "a", count: 40_000), "more than"),
        (String(repeating: "a", count: 600_000), "more than"),
    ]
    @Test("A malformed token is refused, the message says why and has no byte of it", arguments: malformedTokens)
    func malformed(_ entry: (token: String, words: String)) throws {
        let checked = try read(token: entry.token, ca: Self.pem())
        #expect(reason(checked) == .tokenMalformed)
        #expect(message(checked).contains(entry.words), "\(message(checked))")
        #expect(message(checked).hasPrefix("Secret cluster-credentials, key dataplane_1_token: "))
        for part in entry.token.split(whereSeparator: { ".\n <>\"".contains($0) }) where part.count > 12 {
            #expect(!message(checked).contains(part))
        }
    }

    @Test("What is missing has a reason of its own")
    func missing() throws {
        let ca = try Self.pem()
        #expect(reason(read(token: nil, ca: ca)) == .tokenMissing)
        #expect(reason(read(token: " \n", ca: ca)) == .tokenMissing)
        #expect(reason(read(token: Self.token, ca: nil)) == .caCertMissing)
        #expect(reason(read(token: Self.token, ca: "")) == .caCertMissing)
        let none = CheckedCredentials.read(Self.short, in: nil, now: now)
        #expect(none == .invalid(.secretNotFound, "Secret s does not exist"))
    }

    @Test("A CA that is not a certificate is refused, and the message says why")
    func malformedCA() throws {
        let pem = try Self.pem()
        let lines = pem.split(separator: "\n")
        let cases: [(String, String)] = [
            (Token.base64(pem), "base64-encoded once too often"),
            (TestCA.privateKey(), "private key"),
            (pem + TestCA.privateKey(), "private key"),
            (Self.token, "mixed up"),
            ("<your-dataplane1-token-certificate>", "is not PEM"),
            (String(pem.dropLast(40)), "cut off"),
            (lines[0] + "\nAAAA\n" + lines[lines.count - 1], "can't be read"),
            (lines[0] + "\n!!!\n" + lines[lines.count - 1], "not base64"),
            (lines[0] + "\n" + lines[lines.count - 1], "can't be read"),
            (pem.replacing("CERTIFICATE", with: "CERTIFICATE REQUEST"), "is not a CERTIFICATE"),
            (String(lines[lines.count - 1]) + "\n-----BEGIN X-----", "has not begun"),
            (String(repeating: pem, count: 300), "more than 256"),
        ]
        for (ca, words) in cases {
            let checked = read(token: Self.token, ca: ca)
            #expect(reason(checked) == .caCertMalformed, "\(words): \(checked)")
            #expect(message(checked).contains(words), "\(message(checked))")
            #expect(message(checked).contains("key dataplane_1_cacert"))
        }
        // With its line breaks lost, all of a key is on the line that looks like a boundary: no part of it is repeated.
        for lost in ["\\n", " "] {
            for text in [pem, TestCA.privateKey()] {
                let line = text.replacing("\n", with: lost)
                let said = message(read(token: Self.token, ca: line))
                #expect(said.contains("line breaks lost"), "\(said)")
                let body = text.split(separator: "\n")[1]
                #expect(!said.contains(body.prefix(12)), "\(said)")
            }
        }
        let entries = ["t": Sensitive(Self.token), "c": Sensitive([0xff, 0xfe, 0x00])]
        let binary = CheckedCredentials.read(Self.short, in: SecretContent(entries), now: now)
        #expect(reason(binary) == .caCertMalformed)
    }

    @Test("A bundle ends with its first certificate, and only its certificates are kept")
    func bundle() throws {
        let bundle =
            try "# one\r\n" + TestCA.pem(ends: now + 50 * day).replacing("\n", with: "\r\n") + "words between\n"
            + TestCA.pem(ends: now + 5 * day)
        let found = try credentials(read(token: Self.token, ca: bundle))
        #expect(found.caExpirationTime == Timestamp(now + 5 * day))
        let text = String(decoding: found.ca ?? [], as: UTF8.self)
        #expect(
            text.components(of: "-----BEGIN CERTIFICATE-----") == 2 && !text.contains("words") && !text.contains("\r"))
        #expect(found.warnings(now: now) == ["a CA certificate expires at \(Timestamp(now + 5 * day))"])
    }

    @Test("A CA that ended stays valid here: the handshake says TLSExpired")
    func endedCA() throws {
        let found = try credentials(read(token: Self.token, ca: TestCA.pem(ends: now + -day)))
        #expect(found.warnings(now: now).first?.hasPrefix("a CA certificate expired at") == true)
    }

    @Test("Random bytes never crash the readers")
    func fuzz() {
        var random = SplitMix(seed: 7)
        let alphabet = Array("eyJ.-_ABC=\n{}\"-----BEGIN CERTIFICATE-----END ".utf8) + [0, 0xff, 0xc3]
        for _ in 0..<3_000 {
            let bytes = (0..<Int.random(in: 0..<90, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            let secret = ["t": Sensitive(bytes), "c": Sensitive("-----BEGIN ".utf8 + bytes)]
            #expect(reason(CheckedCredentials.read(Self.short, in: SecretContent(secret), now: now)) != nil)
        }
    }
}

/// Repeatable randomness.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

extension String {
    func components(of needle: String) -> Int { ranges(of: needle).count }
}
