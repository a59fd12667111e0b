import Support
import Testing

@Suite("Names of hosts") struct HostNameTests {
    @Test(
        "What an address parser reads as an address, and people don't, is found",
        arguments: [
            "2130706433", "0x7f000001", "0X7F.1", "127.1", "0177.0.0.1", "127.0.0.1.", "127.0.0.01", "1.2.3.256",
            "a.b.1",
            "0x7f.0.0.0x1", "0", "017700000001", "1.2.3.4.5",
        ])
    func disguised(host: String) { #expect(HostNames.isAddressInDisguise(host)) }

    @Test(
        "Names and addresses with four numbers are what they look like",
        arguments: [
            "127.0.0.1", "255.255.255.255", "0.0.0.0", "localhost", "flyteadmin.flyte.svc", "a1", "1a", "x0x7f",
            "1.com", "",
            "a.", "10.0.0.1.example.com", "::1",
        ])
    func plain(host: String) { #expect(!HostNames.isAddressInDisguise(host)) }

    @Test("Percent-encoding is decoded, and a malformed one is refused")
    func percent() {
        #expect("a%40b%3a".utf8.percentDecoded == Array("a@b:".utf8))
        for text in ["%", "%4", "%zz", "%00"] { #expect(text.utf8.percentDecoded == nil, "\(text)") }
    }
}
