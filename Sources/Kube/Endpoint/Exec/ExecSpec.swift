import JSON
import KubeObjects
import Support

/// A kubeconfig user's `exec`: the program that gives credentials (client.authentication.k8s.io).
struct ExecSpec: Sendable, Hashable {
    enum InteractiveMode: String, Sendable { case never = "Never", ifAvailable = "IfAvailable", always = "Always" }

    /// Kubernetes 1.24 removed v1alpha1.
    static let versions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]

    var apiVersion: String
    /// A path, or a name that is looked for in PATH.
    var command: String
    var arguments: [String]
    var environment: [String: String]
    var installHint: String?
    var mode: InteractiveMode
    /// The cluster that `provideClusterInfo` asks for. Nil without `provideClusterInfo`.
    var cluster: JSON?

    /// The place of this entry, for errors: `config: users[0].user.exec`.
    var place: String

    /// Nil for a user without `exec`.
    init?(_ user: Kubeconfig.Entry, cluster: Kubeconfig.Entry) throws(EndpointFailure) {
        guard let json = user.content["exec"], !json.isNull, json != [:] else { return nil }
        func failure(_ field: String, _ message: String) -> EndpointFailure { user.failure("exec" + field, message) }
        do throws(DecodingFailure) {
            let fields = try Fields(json)
            apiVersion = try fields.string("apiVersion") ?? ""
            command = try fields.string("command") ?? ""
            arguments = try fields.strings("args") ?? []
            environment = [:]
            let variables = try fields.list("env") { json throws(DecodingFailure) in
                let fields = try Fields(json)
                return (try fields.required("name"), try fields.string("value") ?? "")
            }
            for (name, value) in variables ?? [] { environment[name] = value }
            installHint = try fields.string("installHint")?.nonEmpty
            let modeText = try fields.string("interactiveMode")
            mode = modeText.flatMap(InteractiveMode.init(rawValue:)) ?? .ifAvailable
            if let modeText, InteractiveMode(rawValue: modeText) == nil {
                throw DecodingFailure(path: "interactiveMode", message: "is neither Never, IfAvailable nor Always")
            }
            self.cluster = try fields.bool("provideClusterInfo") == true ? .object([:]) : nil
        } catch {
            throw failure(error.path.isEmpty ? "" : ".\(error.path)", error.message)
        }
        place = [user.file, "\(user.path).exec"].joined(separator: ": ")
        guard Self.versions.contains(apiVersion) else {
            let known = Self.versions.joined(separator: " or ")
            throw failure(".apiVersion", "\(apiVersion.shown(bytes: 80)) is not supported: \(known) is expected")
        }
        guard !command.isEmpty else { throw failure(".command", "is missing") }
        // As in kubectl, a path with a slash is relative to the kubeconfig's folder.
        if command.contains("/") { command = user.absolute(command) }
        if self.cluster != nil { self.cluster = try cluster.execInfo() }
    }

    /// The content of the variable `KUBERNETES_EXEC_INFO` for the program.
    func info(isInteractive: Bool) -> String {
        var spec: JSON = ["interactive": .bool(isInteractive)]
        spec["cluster"] = cluster
        let info: JSON = ["apiVersion": .string(apiVersion), "kind": "ExecCredential", "spec": spec]
        return info.serializedString
    }
}

extension Kubeconfig.Entry {
    /// The cluster as a plugin gets it (`ExecCredentialSpec.cluster`).
    fileprivate func execInfo() throws(EndpointFailure) -> JSON {
        var info: JSON = ["server": .string(try server())]
        info["tls-server-name"] = try string("tls-server-name").map { .string($0) }
        info["proxy-url"] = try string("proxy-url").map { .string($0) }
        info["certificate-authority-data"] = try bytes("certificate-authority").map { .string(Base64.encode($0)) }
        let own = content["extensions"]?.array?.first { $0["name"] == "client.authentication.k8s.io/exec" }
        info["config"] = own?["extension"]
        return info
    }
}

/// The answer of a plugin.
struct ExecCredential: Sendable {
    var token: Sensitive?
    /// PEM.
    var clientCertificate: [UInt8]?
    var clientKey: Sensitive?
    var expiration: Instant?

    /// Reads the plugin's output. Error messages hold none of it: it may be a credential.
    init(output: [UInt8], apiVersion: String) throws(CredentialsFailure) {
        var json: JSON
        do {
            json = try JSON(parsing: output)
        } catch {
            throw CredentialsFailure("the output is not JSON")
        }
        defer { json.wipe() }
        guard json["kind"] == "ExecCredential" else { throw CredentialsFailure("the output is not an ExecCredential") }
        guard json["apiVersion"]?.string == apiVersion else {
            let found = (json["apiVersion"]?.string ?? "none").shown(bytes: 80)
            throw CredentialsFailure("the output's apiVersion is \(found), not \(apiVersion)")
        }
        guard let status = json["status"], !status.isNull else { throw CredentialsFailure("the output has no status") }
        func text(_ field: String) throws(CredentialsFailure) -> String? {
            switch status[field] {
            case nil, .null?: return nil
            case .string(let text)?: return text.nonEmpty
            case _?: throw CredentialsFailure("status.\(field) is not a string")
            }
        }
        if let token = try text("token") { self.token = try BearerToken.check(Array(token.utf8)) }
        clientCertificate = try text("clientCertificateData").map { Array($0.utf8) }
        clientKey = try text("clientKeyData").map { Sensitive($0) }
        guard (clientCertificate == nil) == (clientKey == nil) else {
            throw CredentialsFailure("of clientCertificateData and clientKeyData one is missing")
        }
        guard token != nil || clientCertificate != nil else {
            throw CredentialsFailure("status has neither a token nor a client certificate")
        }
        if let end = try text("expirationTimestamp") {
            guard let time = Timestamp(end) else {
                throw CredentialsFailure("expirationTimestamp is not an RFC 3339 time")
            }
            expiration = time.instant
        }
    }
}
