import Support
import Testing

@Suite("Base64")
struct Base64Tests {
    @Test("Encoded bytes decode to the same bytes, at every length and in both alphabets")
    func round() {
        for length in 0..<70 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 200) }
            for alphabet in [Base64.Alphabet.standard, .url] {
                let text = Base64.encode(bytes, alphabet)
                #expect(Base64.decode(text, alphabet) == bytes)
                #expect(Base64.decode(leniently: text.utf8) == bytes)
            }
        }
        #expect(
            ["", "f", "fo", "foo", "foob"].map { Base64.encode($0.utf8) } == ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="])
        #expect(["", "f", "fo"].map { Base64.encode($0.utf8, .url) } == ["", "Zg", "Zm8"])
        #expect(Base64.encode([0xFB, 0xFF, 0xFE]) == "+//+" && Base64.encode([0xFB, 0xFF, 0xFE], .url) == "-__-")
        #expect(Base64.decode("aGVs\nbG8=\r\n") == Array("hello".utf8))
    }

    @Test(
        "Text that is not base64 is refused",
        arguments: ["a", "ab", "abc", "a===", "====", "ab=c", "abcd=", "ab%d", "YQ==YQ==", "YQ-_"])
    func broken(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test(
        "Tokens have no padding, no other alphabet and no lonely digit",
        arguments: ["YQ==", "+//+", "a", "abcde", "a b"])
    func brokenToken(text: String) {
        #expect(Base64.decode(text, .url) == nil)
    }

    @Test("Pasted text is read in either alphabet, padded or not")
    func lenient() {
        for text in ["YQ", "YQ=", "YQ=="] { #expect(Base64.decode(leniently: text.utf8) == Array("a".utf8)) }
        #expect(Base64.decode(leniently: "+/-_".utf8) == [0xFB, 0xFF, 0xBF])
        for text in ["a", "YQ===", "YQ=Y", "Y Q"] { #expect(Base64.decode(leniently: text.utf8) == nil) }
    }
}
