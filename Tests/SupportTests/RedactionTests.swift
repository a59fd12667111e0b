import Support
import Testing

@Suite("Secrets in texts from outside")
struct RedactionTests {
    private let secret = "s3cr3t+of/flyte"
    private var redaction: Redaction { Redaction([Sensitive(secret)]) }

    @Test("A secret is hidden as it is, percent-encoded, and in base64 wherever it stands")
    func forms() {
        let percent = secret.percentEncoded
        for text in [secret, percent, Base64.encode(secret.utf8), Base64.encode(secret.utf8, .url)] {
            #expect(redaction.clean("got '\(text)' from you").contains("got '<redacted>"), "\(text)")
            #expect(!redaction.clean("got '\(text)' from you").contains(text))
        }
        for id in ["a", "ab", "abc", "squadron"] {
            for pair in ["\(id):\(secret)", "\(id):\(percent)", "\(id):\(secret):more"] {
                let said = redaction.clean("header: " + Base64.encode(pair.utf8))
                #expect(said.contains("<redacted>"), "\(pair)")
            }
        }
    }

    @Test("Bearer and Basic are hidden with whatever looks like a credential behind them")
    func schemes() {
        let none = Redaction([])
        #expect(none.clean("bad token Bearer eyJhbGciOi.J9.x1 here") == "bad token Bearer <redacted> here")
        #expect(none.clean("Authorization: basic c3F1YWRyb246czNjcjN0, no") == "Authorization: basic <redacted>, no")
        #expect(none.clean("BEARER:\t\"abcd1234\"") == "BEARER:\t\"<redacted>\"")
        for prose in [
            "Basic authentication failed", "a Bearer Authorization is needed", "Bearer realm=\"flyte\"", "bearer",
            "forbearers 12345678", "",
        ] {
            #expect(none.clean(prose) == prose)
        }
    }

    @Test("Data is changed only where a long secret is in it")
    func data() {
        let long = Redaction([Sensitive("0123456789abcdef0"), Sensitive("label1")])
        #expect(long.cleanData("label1 of a-long-name-of-a-project") == "label1 of a-long-name-of-a-project")
        #expect(long.cleanData("x0123456789abcdef0y") == "x<redacted>y")
        #expect(long.clean("label1") == "<redacted>")
        #expect(Redaction([Sensitive("abc")]).clean("abc") == "abc")
    }

    @Test("Of two secrets, one a part of the other, nothing is left")
    func nested() {
        let both = Redaction([Sensitive("secret"), Sensitive("secret-and-more")])
        #expect(both.clean("a secret-and-more, a secret") == "a <redacted>, a <redacted>")
        #expect(both.clean("secretsecret") == "<redacted><redacted>")
    }
}
