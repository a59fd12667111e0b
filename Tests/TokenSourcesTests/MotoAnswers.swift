/// What moto 5.2.4, an imitation of AWS in Python, answered to Squadron's requests over loopback. moto checked the signatures
/// (its `reset-auth` was 0), which were made with the keys of its first answer. The keys, session tokens and request IDs
/// were then replaced by AWS's examples.
enum Moto {
    /// To `AssumeRoleWithWebIdentity`.
    static let webIdentity =
        """
        <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\
        <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId>\
        <SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY</SecretAccessKey>\
        <SessionToken>FQoGZXIvYXdzEBYaDFjGfiEXAMPLE/first+token=</SessionToken>\
        <Expiration>2026-12-01T03:05:12.669310Z</Expiration></Credentials><AssumedRoleUser>\
        <AssumedRoleId>ARO123EXAMPLE123:squadron</AssumedRoleId>\
        <Arn>arn:aws:sts::123456789012:assumed-role/squadron/squadron</Arn></AssumedRoleUser><PackedPolicySize>6\
        </PackedPolicySize></AssumeRoleWithWebIdentityResult><ResponseMetadata>\
        <RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata>\
        </AssumeRoleWithWebIdentityResponse>
        """
    /// To a signed `AssumeRole`.
    static let role =
        """
        <AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>\
        <AccessKeyId>ASIAI44QH8DHBEXAMPLE</AccessKeyId><SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\
        </SecretAccessKey><SessionToken>FQoGZXIvYXdzEBYaDwtS4PEXAMPLE/second+token=</SessionToken>\
        <Expiration>2026-12-01T03:05:12.707443Z</Expiration></Credentials><AssumedRoleUser>\
        <AssumedRoleId>AROARZPUZDIKKVBPU6XP7:squadron</AssumedRoleId>\
        <Arn>arn:aws:sts::123456789012:assumed-role/eks/squadron</Arn></AssumedRoleUser><PackedPolicySize>6\
        </PackedPolicySize></AssumeRoleResult><ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7\
        </RequestId></ResponseMetadata></AssumeRoleResponse>
        """

    struct Refusal: Sendable {
        var status: Int
        var body: String
        /// What a person has to read of it.
        var words: String
    }
    /// To `AssumeRole` with a wrong secret, with an unknown key, without the right to it, with a session name that is too
    /// long, and after a fault in moto itself.
    static let refusals = [
        Refusal(
            status: 403,
            body: """
                <?xml version="1.0" encoding="utf-8"?>
                <ErrorResponse><Errors><Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we \
                calculated does not match the signature you provided. Check your AWS Secret Access Key and \
                signing method. Consult the service documentation for details.</Message><Type>Sender</Type>\
                </Error></Errors></ErrorResponse>
                """,
            words: "SignatureDoesNotMatch: The request signature we calculated does not match"),
        Refusal(
            status: 403,
            body: """
                <?xml version="1.0" encoding="utf-8"?>
                <ErrorResponse><Errors><Error><Code>InvalidClientTokenId</Code><Message>The security token \
                included in the request is invalid.</Message><Type>Sender</Type></Error></Errors></ErrorResponse>
                """,
            words: "InvalidClientTokenId: The security token included in the request is invalid."),
        Refusal(
            status: 403,
            body: """
                <?xml version="1.0" encoding="utf-8"?>
                <ErrorResponse><Errors><Error><Code>AccessDenied</Code><Message>User: \
                arn:aws:sts::123456789012:assumed-role/eks/squadron is not authorized to perform: sts:AssumeRole\
                </Message><Type>Sender</Type></Error></Errors></ErrorResponse>
                """,
            words: "AccessDenied: User: arn:aws:sts::123456789012:assumed-role/eks/squadron is not authorized"),
        Refusal(
            status: 400,
            body: """
                <ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>\
                <Code>ValidationError</Code><Message>1 validation error detected: Value \
                'sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss' at 'roleSessionName' failed \
                to satisfy constraint: Member must have length less than or  equal to 64</Message></Error>\
                <RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ErrorResponse>
                """,
            words: "ValidationError: 1 validation error detected: Value 'sss"),
        Refusal(
            status: 500,
            body: """
                <!doctype html>
                <html lang=en>
                <title>500 Internal Server Error</title>
                <h1>Internal Server Error</h1>
                <p>The server encountered an internal error and was unable to complete your request. Either the \
                server is overloaded or there is an error in the application.</p>
                """,
            words: "an HTML page"),
    ]
}
