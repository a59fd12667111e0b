import Support
import Testing

@testable import TokenSources

/// AWS's published examples: the suite `aws-sig-v4-test-suite` (`get-vanilla`), "Examples of signing keys" of the IAM guide,
/// and "Authenticating requests: using query parameters" of the S3 reference. The EKS URL was computed by another program
/// (Python's hmac and hashlib).
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
        let url = try #require(Base64.decode(token.dropFirst("k8s-aws-v1.".count), .url))
        #expect(String(decoding: url, as: UTF8.self) == Self.eksURL)
        #expect(token.utf8.count <= 4_096 && !token.contains("="), "what aws-iam-authenticator takes")
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
