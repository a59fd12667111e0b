// Made by hack/aws-vectors with botocore 1.43.117. The keys are AWS's examples.

/// What botocore signs, presigns and writes for STS.
enum Botocore {
    struct Presigned: Sendable {
        var (region, cluster): (String, String)
        var session: String?
        var time: Double
        /// Its query is in botocore's order.
        var url: String
    }
    struct Signed: Sendable {
        var region: String
        var session: String?
        var time: Double
        var (host, contentType, body, authorization): (String, String, String, String)
    }

    static let (keyID, secret) = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")

    /// URLs of `GetCallerIdentity` with the header `x-k8s-aws-id`, as `aws eks get-token` makes them.
    static let presigned = [
        Presigned(
            region: "eu-west-1", cluster: "prod-1",
            session: nil, time: 1_767_323_045,
            url: """
                https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
                &X-Amz-Algorithm=AWS4-HMAC-SHA256\
                &X-Amz-Credential=AKIDEXAMPLE%2F20260102%2Feu-west-1%2Fsts%2Faws4_request\
                &X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
                &X-Amz-Signature=c5cba13da633a38286cc4f0ada0b6945f268ff3d0aa0d68bc3333d567158b04e
                """),
        Presigned(
            region: "eu-west-1", cluster: "prod-1",
            session: "FwoGZXIvYXdzEBYaDEXAMPLE//+token==", time: 1_767_323_045,
            url: """
                https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
                &X-Amz-Algorithm=AWS4-HMAC-SHA256\
                &X-Amz-Credential=AKIDEXAMPLE%2F20260102%2Feu-west-1%2Fsts%2Faws4_request\
                &X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
                &X-Amz-Security-Token=FwoGZXIvYXdzEBYaDEXAMPLE%2F%2F%2Btoken%3D%3D\
                &X-Amz-Signature=3cbc34ed90f9701d74b6a661ae84c0ad5128c4eff915bcfcd3e9d7b08b94b1e2
                """),
        Presigned(
            region: "us-gov-west-1", cluster: "Prod_1-x",
            session: "IQo%2Fb+c/d==%&;~'()*!$,:@", time: 1_835_481_599,
            url: """
                https://sts.us-gov-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
                &X-Amz-Algorithm=AWS4-HMAC-SHA256\
                &X-Amz-Credential=AKIDEXAMPLE%2F20280229%2Fus-gov-west-1%2Fsts%2Faws4_request\
                &X-Amz-Date=20280229T235959Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
                &X-Amz-Security-Token=IQo%252Fb%2Bc%2Fd%3D%3D%25%26%3B~%27%28%29%2A%21%24%2C%3A%40\
                &X-Amz-Signature=5ce4c617685f4e2053c6b147fad26b3bafdf2c27aa6e2ec9e13f1da5957c44b2
                """),
        Presigned(
            region: "cn-north-1", cluster: "  a  b%2F+=&;é~*  ",
            session: nil, time: 1_835_481_599,
            url: """
                https://sts.cn-north-1.amazonaws.com.cn/?Action=GetCallerIdentity&Version=2011-06-15\
                &X-Amz-Algorithm=AWS4-HMAC-SHA256\
                &X-Amz-Credential=AKIDEXAMPLE%2F20280229%2Fcn-north-1%2Fsts%2Faws4_request\
                &X-Amz-Date=20280229T235959Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
                &X-Amz-Signature=1457f15ee2503f48ed920361e90fd5ce76607ab70b5274f8e2cc6aaf0174cb0f
                """),
        Presigned(
            region: "eusc-de-east-1", cluster: "  a  b%2F+=&;é~*  ",
            session: "IQo%2Fb+c/d==%&;~'()*!$,:@", time: 1_767_323_045,
            url: """
                https://sts.eusc-de-east-1.amazonaws.eu/?Action=GetCallerIdentity&Version=2011-06-15\
                &X-Amz-Algorithm=AWS4-HMAC-SHA256\
                &X-Amz-Credential=AKIDEXAMPLE%2F20260102%2Feusc-de-east-1%2Fsts%2Faws4_request\
                &X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
                &X-Amz-Security-Token=IQo%252Fb%2Bc%2Fd%3D%3D%25%26%3B~%27%28%29%2A%21%24%2C%3A%40\
                &X-Amz-Signature=544bcab8b94e41bf055f6a23f5bc83663aee5d73cba1653bf3ee47627de747a5
                """),
    ]

    /// Requests of its client.
    static let signed = [
        Signed(
            region: "us-gov-west-1", session: "IQo%2Fb+c/d==%&;~'()*!$,:@", time: 1_835_481_599,
            host: "sts.us-gov-west-1.amazonaws.com", contentType: "application/x-www-form-urlencoded; charset=utf-8",
            body: """
                Action=AssumeRole&Version=2011-06-15\
                &RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fa%2Fpath%2Fwith%2B%3D%2C.%40-_odd\
                &RoleSessionName=squadron
                """,
            authorization: """
                AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20280229/us-gov-west-1/sts/aws4_request, \
                SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
                Signature=1e89f0a64ca3f89c293888405284b327a1b60d0e2c0d0ccd910c63e97ea6cf35
                """),
        Signed(
            region: "cn-north-1", session: nil, time: 1_767_323_045,
            host: "sts.cn-north-1.amazonaws.com.cn", contentType: "application/x-www-form-urlencoded; charset=utf-8",
            body: """
                Action=AssumeRole&Version=2011-06-15\
                &RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fa%2Fpath%2Fwith%2B%3D%2C.%40-_odd\
                &RoleSessionName=squadron
                """,
            authorization: """
                AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/cn-north-1/sts/aws4_request, \
                SignedHeaders=content-type;host;x-amz-date, \
                Signature=148283031fc7f78473de04ba77f4d836ffa3fc553c7684dd2f6cb205e9222856
                """),
        Signed(
            region: "eu-west-1", session: "FwoGZXIvYXdzEBYaDEXAMPLE//+token==", time: 1_767_323_045,
            host: "sts.eu-west-1.amazonaws.com", contentType: "application/x-www-form-urlencoded; charset=utf-8",
            body: """
                Action=GetCallerIdentity&Version=2011-06-15
                """,
            authorization: """
                AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-1/sts/aws4_request, \
                SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
                Signature=ea4f5a17a2223d43e76bf6798c77f5e62f64cdb42bec23f29dc087009cc48e12
                """),
    ]

    /// The form of `AssumeRoleWithWebIdentity`, which is not signed, for what CloudTests asks.
    static let webIdentityForm =
        """
        Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fsquadron\
        &RoleSessionName=squadron&WebIdentityToken=eyJhbGciOi.web-identity-token-of-the-pod.c2ln
        """

    /// The form of `AssumeRole` with the keys from there, and the header `Authorization` for a content type without charset.
    static let roleForm =
        """
        Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A2%3Arole%2Feks&RoleSessionName=squadron
        """
    static let roleAuthorization =
        """
        AWS4-HMAC-SHA256 Credential=ASIAFIRST/20260102/eu-west-1/sts/aws4_request, \
        SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
        Signature=6459e80c32b2ec90dc86c07a3c3b95e89de831e955815ba8d9ade164ce761f74
        """

    /// The path of an endpoint of STS behind a gateway, and the same header for it.
    static let gatewayPath = "/gateway%20a/sts"
    static let gatewayAuthorization =
        """
        AWS4-HMAC-SHA256 Credential=ASIAFIRST/20260102/eu-west-1/sts/aws4_request, \
        SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
        Signature=a4127903454b2e6ef92aea0947671743fa19007d3a0dfb6f25579096118fbfc3
        """

    /// The hosts of STS.
    static let hosts = [
        ("af-south-1", "sts.af-south-1.amazonaws.com"),
        ("ap-southeast-2", "sts.ap-southeast-2.amazonaws.com"),
        ("ca-west-1", "sts.ca-west-1.amazonaws.com"),
        ("eu-central-2", "sts.eu-central-2.amazonaws.com"),
        ("il-central-1", "sts.il-central-1.amazonaws.com"),
        ("me-south-1", "sts.me-south-1.amazonaws.com"),
        ("mx-central-1", "sts.mx-central-1.amazonaws.com"),
        ("sa-east-1", "sts.sa-east-1.amazonaws.com"),
        ("us-east-1", "sts.us-east-1.amazonaws.com"),
        ("us-gov-east-1", "sts.us-gov-east-1.amazonaws.com"),
        ("cn-northwest-1", "sts.cn-northwest-1.amazonaws.com.cn"),
        ("eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu"),
        ("us-iso-east-1", "sts.us-iso-east-1.c2s.ic.gov"),
        ("us-iso-west-1", "sts.us-iso-west-1.c2s.ic.gov"),
        ("us-isob-east-1", "sts.us-isob-east-1.sc2s.sgov.gov"),
        ("us-isob-west-1", "sts.us-isob-west-1.sc2s.sgov.gov"),
        ("eu-isoe-west-1", "sts.eu-isoe-west-1.cloud.adc-e.uk"),
        ("us-isof-east-1", "sts.us-isof-east-1.csp.hci.ic.gov"),
        ("us-isof-south-1", "sts.us-isof-south-1.csp.hci.ic.gov"),
    ]
}
