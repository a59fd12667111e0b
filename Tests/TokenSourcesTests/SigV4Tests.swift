import Fleet
import Support
import Testing

@testable import TokenSources

/// AWS's published examples: the suite `aws-sig-v4-test-suite` (`get-vanilla`), "Examples of signing keys" of the IAM guide,
/// and "Authenticating requests: using query parameters" of the S3 reference. The EKS URL was computed by another program
/// (Python's hmac and hashlib). botocore, the library of the AWS CLI, made the tables in BotocoreVectors.swift, and
/// `hack/aws-vectors` compares them with those of the botocore that is installed.
@Suite("AWS signatures")
struct SigV4Tests {
    private func signer(
        _ service: String, _ time: Double, region: String = "us-east-1", id: String = "AKIDEXAMPLE",
        secret: String = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", session: String? = nil
    ) -> SigV4 {
        SigV4(
            keys: AWSKeys(id: id, secret: Sensitive(secret), session: session.map { Sensitive($0) }), region: region,
            service: service, now: Instant(secondsSince1970: time))
    }
    /// 2015-08-30T12:36:00Z
    private let time = 1_440_938_160.0

    @Test("The signing key is that of AWS's example")
    func key() {
        let key = SigV4.hex(signer("iam", time).signingKey)
        #expect(key == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9")
    }

    @Test("A request without anything is signed as in get-vanilla")
    func vanilla() {
        let headers = signer("service", time).headers("GET", host: "example.amazonaws.com", body: [])
        #expect(
            headers.last?.1 == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                + "SignedHeaders=host;x-amz-date, "
                + "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
    }

    @Test("A request with a query and a header is signed as in IAM's example")
    func listUsers() {
        let headers = signer("iam", time).headers(
            "GET", host: "iam.amazonaws.com", query: [("Version", "2010-05-08"), ("Action", "ListUsers")],
            headers: [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")], body: [])
        #expect(
            headers.last?.1.hasSuffix(
                "SignedHeaders=content-type;host;x-amz-date, "
                    + "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7") == true)
    }

    @Test("A presigned URL is that of S3's example")
    func presigned() {
        // 2013-05-24T00:00:00Z
        let signer = signer(
            "s3", 1_369_353_600, id: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
        let url = signer.presigned(
            host: "examplebucket.s3.amazonaws.com", path: "/test.txt", query: [], expires: 86_400,
            bodyHash: "UNSIGNED-PAYLOAD")
        #expect(
            url == "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
                + "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                + "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                + "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
    }

    private static let eksURL =
        "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
        + "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260102%2Feu-west-1%2Fsts%2Faws4_request"
        + "&X-Amz-Date=20260102T030405Z&X-Amz-Expires=60"
        + "&X-Amz-Security-Token=FwoGZXIvYXdzEBYaDEXAMPLE%2F%2F%2Btoken%3D%3D"
        + "&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id"
        + "&X-Amz-Signature=3cbc34ed90f9701d74b6a661ae84c0ad5128c4eff915bcfcd3e9d7b08b94b1e2"

    @Test("A token for EKS is the presigned URL, in the form that EKS reads")
    func eks() throws {
        let keys = AWSKeys(
            id: "AKIDEXAMPLE", secret: Sensitive("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session: Sensitive("FwoGZXIvYXdzEBYaDEXAMPLE//+token=="))
        let now = Instant(secondsSince1970: 1_767_323_045)
        let token = EKSToken.make(keys, region: "eu-west-1", cluster: "prod-1", now: now).text
        #expect(token.hasPrefix("k8s-aws-v1."))
        #expect(try Self.url(Sensitive(token)) == Self.eksURL)
    }

    /// The signature is over a canonical request, in which the query is sorted. So botocore's signature must be ours byte for
    /// byte, though it writes the session token after the signed headers. The URLs must be equal once both queries are
    /// sorted. STS and aws-iam-authenticator read the parameters by name, in any order.
    @Test("botocore presigns the same URL for a token", arguments: Botocore.presigned)
    func botocoreURL(_ vector: Botocore.Presigned) throws {
        let keys = AWSKeys(
            id: Botocore.keyID, secret: Sensitive(Botocore.secret), session: vector.session.map { Sensitive($0) })
        let now = Instant(secondsSince1970: vector.time + 0.9)
        let url = try Self.url(EKSToken.make(keys, region: vector.region, cluster: vector.cluster, now: now))
        #expect(Self.parts(url) == Self.parts(vector.url))
    }

    @Test("botocore signs the same requests to STS", arguments: Botocore.signed)
    func botocoreRequest(_ vector: Botocore.Signed) {
        let signer = signer(
            "sts", vector.time, region: vector.region, id: Botocore.keyID, secret: Botocore.secret,
            session: vector.session)
        let headers = signer.headers(
            "POST", host: vector.host, headers: [("Content-Type", vector.contentType)], body: Array(vector.body.utf8))
        #expect(headers.last?.1 == vector.authorization)
    }

    @Test("STS's hosts are those of botocore, in each partition", arguments: Botocore.hosts)
    func hosts(_ region: String, _ host: String) {
        #expect(AWSRegion.stsHost(region) == host)
        #expect(CloudHosts().allow(tokenService: "https://\(host)", of: .aws))
    }

    private static func url(_ token: Sensitive) throws -> String {
        String(decoding: try #require(Base64.decode(token.text.dropFirst("k8s-aws-v1.".count), .url)), as: UTF8.self)
    }
    private static func parts(_ url: String) -> [Substring] {
        let halves = url.split(separator: "?", maxSplits: 1)
        return halves.prefix(1) + halves.dropFirst().flatMap { $0.split(separator: "&") }.sorted()
    }

    /// What `Verify` of aws-iam-authenticator 0.7.18 (`pkg/token/token.go`) refuses before it asks STS. Its own code was run
    /// on tokens of these URLs, too.
    @Test("aws-iam-authenticator's rules hold for each token", arguments: Botocore.presigned)
    func verifier(_ vector: Botocore.Presigned) throws {
        let keys = AWSKeys(
            id: Botocore.keyID, secret: Sensitive(Botocore.secret), session: vector.session.map { Sensitive($0) })
        let now = Instant(secondsSince1970: vector.time)
        let token = EKSToken.make(keys, region: vector.region, cluster: vector.cluster, now: now)
        #expect(token.text.utf8.count <= 4_096 && !token.text.contains("="))
        let url = try Self.url(token)
        #expect(url.hasPrefix("https://\(AWSRegion.stsHost(vector.region))/?"))
        var query: [String: String] = [:]
        for item in try #require(url.split(separator: "?").last).split(separator: "&") {
            let pair = item.split(separator: "=", maxSplits: 1).map(String.init)
            #expect(pair.count == 2 && query.updateValue(pair[1], forKey: pair[0].lowercased()) == nil, "\(item)")
        }
        let names = ["action", "version", "algorithm", "credential", "date", "expires", "signature", "signedheaders"]
        let wanted = names.prefix(2) + names.dropFirst(2).map { "x-amz-\($0)" }
        #expect(Set(query.keys).subtracting(["x-amz-security-token"]) == Set(wanted))
        #expect((query["x-amz-security-token"] != nil) == (vector.session != nil))
        #expect(query["action"] == "GetCallerIdentity" && query["x-amz-signedheaders"] == "host%3Bx-k8s-aws-id")
        #expect(query["x-amz-expires"].flatMap(Int.init).map((0...900).contains) == true)
        #expect(EKSToken.life < .seconds(15 * 60), "the verifier counts from x-amz-date")
    }

    @Test(
        "The region is read from the endpoint's name",
        arguments: [
            ("https://ABC.gr7.eu-west-1.eks.amazonaws.com", "eu-west-1"),
            ("https://a.yl4.cn-north-1.eks.amazonaws.com.cn:443/x", "cn-north-1"),
            ("https://dp1.example.com", nil), ("https://eks.amazonaws.com", nil),
        ] as [(String, String?)])
    func region(_ endpoint: String, _ region: String?) { #expect(AWSRegion.of(endpoint: endpoint) == region) }
}
