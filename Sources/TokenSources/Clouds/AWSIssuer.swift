import Fleet
import HTTP
import JSON
import Kube
import KubeObjects
import Support

/// Tokens for EKS. It gets AWS keys from IRSA or Pod Identity, assumes another role if one is named, and then signs a
/// URL.
public final class AWSIssuer: TokenIssuer {
    private let settings: AWSSettings
    private let endpoint: String
    private let access: CloudAccess
    private let wallClock: WallClock
    /// The last keys. They are valid for an hour, and a token for a quarter of that.
    private let keys = Locked<AWSKeys?>(nil)

    /// - Parameter endpoint: the API server's endpoint. Its name contains the region.
    public init(_ settings: AWSSettings, endpoint: String, access: CloudAccess, wallClock: WallClock = .system) {
        self.settings = settings
        self.endpoint = endpoint
        self.access = access
        self.wallClock = wallClock
    }

    public func issue(through client: KubeClient?) async throws(IssueFailure) -> IssuedToken {
        let region = try region()
        let now = wallClock.now
        let keys = try await currentKeys(region, now: now)
        let token = EKSToken.make(keys, region: region, cluster: settings.clusterName, now: now)
        let size = token.withBytes { $0.count }
        guard size <= EKSToken.limit else {
            throw IssueFailure(
                "EKS takes tokens of at most \(EKSToken.limit) bytes, this one has \(size): the AWS session token is too long; "
                    + "fewer session tags make it shorter")
        }
        let rest = keys.end.map { Duration.seconds(max(0, $0 - now)) } ?? EKSToken.life
        return IssuedToken(token, life: min(EKSToken.life, rest)).received(now)
    }

    /// The keys may have been revoked. Without this, tokens would be made of them until they are nearly over.
    public func tokenWasRefused() { keys.withLock { $0 = nil } }

    private func region() throws(IssueFailure) -> String {
        let named = [
            settings.region, AWSRegion.of(endpoint: endpoint) ?? "", variable("AWS_REGION"),
            variable("AWS_DEFAULT_REGION"),
        ]
        guard let region = named.first(where: { !$0.isEmpty }) else {
            throw IssueFailure("the region is not known: set aws.region (EKS's webhook sets AWS_REGION)")
        }
        guard AWSRegion.isName(region) else { throw IssueFailure("\(region.quotedForMessage) is not a region") }
        return region
    }

    private func variable(_ name: String) -> String { access.environment[name] ?? "" }

    private func currentKeys(_ region: String, now: Instant) async throws(IssueFailure) -> AWSKeys {
        if let known = keys.withLock({ $0 }), let end = known.end, end - now > 1_200 { return known }
        var found = try await firstKeys(region, now: now)
        if !settings.roleARN.isEmpty { found = try await assume(settings.roleARN, with: found, region, now: now) }
        keys.withLock { [found] in $0 = found }
        return found
    }

    /// Keys from IRSA's web identity, or from Pod Identity.
    private func firstKeys(_ region: String, now: Instant) async throws(IssueFailure) -> AWSKeys {
        let (role, file) = (variable("AWS_ROLE_ARN"), variable("AWS_WEB_IDENTITY_TOKEN_FILE"))
        if !file.isEmpty {
            guard !role.isEmpty else {
                throw IssueFailure(
                    "AWS_ROLE_ARN is not set: the annotation eks.amazonaws.com/role-arn on the operator's ServiceAccount "
                        + "makes EKS's webhook set it")
            }
            return try await webIdentity(role, file, region)
        }
        let uri = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if !uri.isEmpty { return try await podIdentity(uri) }
        throw IssueFailure(
            "there are no AWS credentials: neither AWS_WEB_IDENTITY_TOKEN_FILE (EKS's webhook sets it, by the annotation "
                + "eks.amazonaws.com/role-arn on the operator's ServiceAccount) nor AWS_CONTAINER_CREDENTIALS_FULL_URI (the EKS "
                + "Pod Identity agent's webhook sets it, by a pod identity association) is set")
    }

    private func stsEndpoint(_ region: String) throws(IssueFailure) -> String {
        let url = settings.stsEndpoint.isEmpty ? "https://" + AWSRegion.stsHost(region) : settings.stsEndpoint
        guard access.hosts.allow(tokenService: url, of: .aws) else {
            throw IssueFailure("aws.stsEndpoint is not an endpoint of STS (--cloud-host adds others); nothing is sent")
        }
        return url.hasSuffix("/") ? url : url + "/"
    }

    private func webIdentity(_ role: String, _ file: String, _ region: String) async throws(IssueFailure) -> AWSKeys {
        let token = try CloudFile.read(file, variable: "AWS_WEB_IDENTITY_TOKEN_FILE")
        let request = CloudRequest(service: "STS", transport: access.transport(), secrets: [token])
        let answer = try await request.post(
            form: [
                ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role),
                ("RoleSessionName", try sessionName()), ("WebIdentityToken", token.text),
            ], to: try stsEndpoint(region))
        return try keys(answer, request)
    }

    /// As in the AWS SDKs, the variable names the session of the web identity only. A trust policy may ask for a name.
    private func sessionName() throws(IssueFailure) -> String {
        let name = variable("AWS_ROLE_SESSION_NAME")
        if name.isEmpty { return "squadron" }
        let isName = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20) || "_+=,.@-".utf8.contains(byte)
        }
        guard isName, (2...64).contains(name.utf8.count) else {
            throw IssueFailure("AWS_ROLE_SESSION_NAME is not 2 to 64 letters, digits and _+=,.@-")
        }
        return name
    }

    private func assume(
        _ role: String, with first: AWSKeys, _ region: String, now: Instant
    ) async throws(IssueFailure) -> AWSKeys {
        let url = try stsEndpoint(region)
        let form = [
            ("Action", "AssumeRole"), ("Version", "2011-06-15"), ("RoleArn", role), ("RoleSessionName", "squadron"),
        ]
        let rest = url.dropFirst("https://".count)
        let host = rest.prefix { $0 != "/" }
        // The path as it is sent, encoded once more: only S3 signs it as it is.
        let path = rest.dropFirst(host.count).split(separator: "/", omittingEmptySubsequences: false)
        let headers = SigV4(keys: first, region: region, service: "sts", now: now).headers(
            "POST", host: String(host), path: path.map(\.percentEncoded).joined(separator: "/"),
            headers: [("content-type", "application/x-www-form-urlencoded")], body: CloudRequest.form(form)
        ).filter { $0.0 != "content-type" }
        let request = CloudRequest(
            service: "STS", transport: access.transport(), secrets: [first.secret] + [first.session].compactMap { $0 })
        return try keys(try await request.post(form: form, to: url, headers: headers), request)
    }

    /// Reads the keys from STS's XML.
    private func keys(
        _ answer: (status: Int, body: [UInt8], date: String?), _ request: CloudRequest
    ) throws(IssueFailure) -> AWSKeys {
        let xml = FlatXML(answer.body)
        guard (200..<300).contains(answer.status) else {
            let words = [xml["Code"], xml["Message"]].compactMap { $0 }.joined(separator: ": ")
            // STS refuses a signature whose time is more than some minutes off.
            let isOfTime = ["Expired", "expired", "not yet current"].contains { words.contains($0) }
            let advice =
                isOfTime ? "; our clock says \(Timestamp(wallClock.now)), STS's \(answer.date ?? "nothing")" : ""
            throw request.refusal(answer, words + advice)
        }
        guard let id = xml["AccessKeyId"], let secret = xml["SecretAccessKey"], let session = xml["SessionToken"] else {
            throw IssueFailure("STS answered without keys: \(request.kind(answer.body))")
        }
        guard let end = xml["Expiration"].flatMap({ Timestamp($0) }) else {
            throw IssueFailure("STS answered without the keys' end")
        }
        return AWSKeys(id: id, secret: Sensitive(secret), session: Sensitive(session), end: end.instant)
    }

    private func podIdentity(_ uri: String) async throws(IssueFailure) -> AWSKeys {
        let isPlain = uri.hasPrefix("http://")
        let addresses = ["169.254.170.23", "[fd00:ec2::23]", "127.0.0.1", "localhost", "[::1]"]
        let host = uri.dropFirst("http://".count).prefix { $0 != "/" }
        let isNear = addresses.contains { host == $0 || host.hasPrefix($0 + ":") }
        guard uri.hasPrefix("https://") || (isPlain && isNear) else {
            throw IssueFailure(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI: http is for 169.254.170.23, [fd00:ec2::23] and loopback")
        }
        let file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        guard !file.isEmpty else {
            throw IssueFailure("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE is not set: EKS Pod Identity's webhook sets it")
        }
        let token = try CloudFile.read(file, variable: "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        let request = CloudRequest(
            service: "the Pod Identity agent", transport: access.transport(allowsPlainHTTP: isPlain), secrets: [token])
        let answer = try await request.send(.get, uri, headers: [("Authorization", token.text)])
        let json = try request.json(answer)
        guard let id = json["AccessKeyId"]?.string, let secret = json["SecretAccessKey"]?.string,
            let session = json["Token"]?.string, let end = json["Expiration"]?.string.flatMap({ Timestamp($0) })
        else {
            throw IssueFailure("the Pod Identity agent answered without keys or their end")
        }
        return AWSKeys(id: id, secret: Sensitive(secret), session: Sensitive(session), end: end.instant)
    }
}

/// Reads the texts of an XML document's elements by name, the first of each name, which is all that STS's answers need.
/// It does not know attributes, CDATA, or entities other than the five standard ones. It reads
/// nothing of a body of more than 256 KiB, and no element of more than 16 KiB.
///
/// Foundation's XMLParser would take the whole of Foundation into the operator. A dependency that did so made the program
/// 70 MB instead of 30, and cost 2 MB more of resident memory.
struct FlatXML {
    private let text: String
    init(_ bytes: [UInt8]) { text = bytes.count <= 256 << 10 ? String(decoding: bytes, as: UTF8.self) : "" }

    subscript(name: String) -> String? {
        let (open, close) = (Array("<\(name)>".utf8), Array("</\(name)>".utf8))
        let bytes = Array(text.utf8)
        guard let start = Self.offset(of: open, in: bytes, from: 0),
            let end = Self.offset(of: close, in: bytes, from: start + open.count)
        else { return nil }
        let inner = bytes[(start + open.count)..<end]
        guard !inner.contains(UInt8(ascii: "<")), inner.count <= 16 << 10 else { return nil }
        return Self.unescaped(String(decoding: inner, as: UTF8.self))
    }

    private static func offset(of needle: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= needle.count, start <= bytes.count - needle.count else { return nil }
        return (start...(bytes.count - needle.count)).first { bytes[$0...].starts(with: needle) }
    }

    private static func unescaped(_ text: String) -> String {
        guard text.contains("&") else { return text }
        let names: [Substring: String] = ["lt": "<", "gt": ">", "quot": "\"", "apos": "'", "amp": "&"]
        var result = ""
        var rest = text[...]
        while let start = rest.firstIndex(of: "&") {
            result += rest[..<start]
            rest = rest[rest.index(after: start)...]
            guard let end = rest.firstIndex(of: ";"), let known = names[rest[..<end]] else {
                result += "&"
                continue
            }
            result += known
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }
}
