import HTTP
import KubeObjects
import Support
import Testing

@testable import Kube

@Suite("Kubeconfig")
struct KubeconfigTests {
    /// `cluster` and `user` are lines of YAML.
    private func config(cluster: String = "{server: 'https://10.0.0.1:6443/'}", user: String = "{token: abc}") -> String
    {
        """
        apiVersion: v1
        kind: Config
        current-context: main
        contexts:
        - {name: main, context: {cluster: c, user: u, namespace: flyte}}
        clusters:
        - name: c
          cluster: \(cluster)
        users:
        - name: u
          user: \(user)
        """
    }

    private func endpoint(_ text: String, file: String = "/x/config", context: String? = nil) throws -> ClusterEndpoint
    {
        try Kubeconfig(parsing: Array(text.utf8), file: file).endpoint(context: context)
    }

    private func message(_ text: String, context: String? = nil) -> String? {
        #expect(throws: EndpointFailure.self) { try endpoint(text, context: context) }?.description
    }

    @Test("Server, namespace, token and certificates in the file itself")
    func inline() async throws {
        let pem = Base64.encode(Array("PEM".utf8))
        let endpoint = try endpoint(
            config(
                cluster: """
                    {server: 'https://10.0.0.1:6443/', certificate-authority-data: \(pem), tls-server-name: kubernetes,
                      proxy-url: 'http://proxy:3128', insecure-skip-tls-verify: false}
                    """,
                user: "{token: ' abc ', client-certificate-data: \(pem), client-key-data: \(pem)}"))
        #expect(endpoint.server == "https://10.0.0.1:6443")
        #expect(endpoint.namespace == "flyte")
        #expect(endpoint.proxyURL == "http://proxy:3128")
        #expect(endpoint.tls.caCertificates == Array("PEM".utf8))
        #expect(endpoint.tls.clientCertificate == Array("PEM".utf8))
        #expect(endpoint.tls.clientKey == Sensitive("PEM"))
        #expect(endpoint.tls.serverName == "kubernetes")
        #expect(try await endpoint.authorization.bearerToken() == Sensitive("abc"))
    }

    @Test("A kubeconfig's files are found from its folder, and a tokenFile is read again")
    func files() async throws {
        let folder = try TemporaryFolder()
        try folder.write("pki/ca.crt", "CA")
        try folder.write("pki/client.crt", "CRT")
        try folder.write("pki/client.key", "KEY")
        try folder.write("token", "one")
        try folder.write(
            "config",
            config(
                cluster: "{server: 'https://a', certificate-authority: pki/ca.crt}",
                user: "{token: ignored, tokenFile: token, client-certificate: pki/client.crt, "
                    + "client-key: '\(folder.path)/pki/client.key'}"))
        let endpoint = try Kubeconfig.load(["\(folder.path)/config"]).endpoint()
        #expect(endpoint.tls.caCertificates == Array("CA".utf8))
        #expect(endpoint.tls.clientCertificate == Array("CRT".utf8))
        #expect(endpoint.tls.clientKey == Sensitive("KEY"))
        #expect(try await endpoint.authorization.bearerToken() == Sensitive("one"))
        try folder.write("token", "two")
        endpoint.authorization.rejected()
        #expect(try await endpoint.authorization.bearerToken() == Sensitive("two"))
    }

    @Test("JSON is YAML too, and a user is not needed")
    func minimal() async throws {
        let text =
            #"{"contexts": [{"name": "a", "context": {"cluster": "c"}}], "clusters": [{"name": "c", "cluster": {"server": "https://h"}}]}"#
        let endpoint = try endpoint(text, context: "a")
        #expect(endpoint.server == "https://h")
        #expect(endpoint.namespace == nil)
        #expect(try await endpoint.authorization.bearerToken() == nil)
    }

    @Test(
        "What Squadron can't or won't do names the field, when it is the one in use",
        arguments: [
            (
                "{server: 'https://a', insecure-skip-tls-verify: true}", "{}",
                "clusters[0].cluster.insecure-skip-tls-verify: Squadron has no insecure mode; give a certificate-authority"
            ),
            ("{server: 'http://a'}", "{}", "clusters[0].cluster.server: must start with https://"),
            ("{}", "{}", "clusters[0].cluster.server: is missing"),
            ("", "{}", "clusters[0].cluster.server: is missing"),
            ("{server: 5}", "{}", "clusters[0].cluster.server: is not a string"),
            (
                "{server: 'https://a', proxy-url: 'socks4://user:password@proxy'}", "{}",
                "clusters[0].cluster.proxy-url: must begin with http:// or https:// or socks5:// or socks5h://"
            ),
            (
                "{server: 'https://a', proxy-url: 'proxy:3128'}", "{}",
                "clusters[0].cluster.proxy-url: must begin with http:// or https:// or socks5:// or socks5h://"
            ),
            ("[]", "{}", "clusters[0].cluster: is not a mapping"),
            (
                "{server: 'https://a', certificate-authority-data: '%%'}", "{}",
                "clusters[0].cluster.certificate-authority-data: is not base64"
            ),
            (
                "{server: 'https://a', certificate-authority: /nonexistent/ca}", "{}",
                "clusters[0].cluster.certificate-authority: /nonexistent/ca: can't be opened: No such file or directory"
            ),
            (
                "{server: 'https://a'}", "{exec: {command: aws}}",
                "users[0].user.exec: is not supported; use token, tokenFile or a client certificate"
            ),
            (
                "{server: 'https://a'}", "{auth-provider: {name: gcp}}",
                "users[0].user.auth-provider: is not supported; use token, tokenFile or a client certificate"
            ),
            (
                "{server: 'https://a'}", "{username: a, password: b}",
                "users[0].user.username: is not supported; use token, tokenFile or a client certificate"
            ),
            (
                "{server: 'https://a'}", "{as: admin}",
                "users[0].user.as: is not supported; use token, tokenFile or a client certificate"
            ),
            (
                "{server: 'https://a'}", "{client-certificate-data: YQ==}",
                "users[0].user.client-key: is missing beside client-certificate"
            ),
            (
                "{server: 'https://a'}", "{client-key-data: YQ==}",
                "users[0].user.client-certificate: is missing beside client-key"
            ),
            (
                "{server: 'https://a'}", "{token: 'a b'}",
                "users[0].user.token: the token has white space or characters that a token can't have"
            ),
            ("{server: 'https://a'}", "{token: [x]}", "users[0].user.token: is not a string"),
        ])
    func refused(cluster: String, user: String, expected: String) {
        #expect(message(config(cluster: cluster, user: user)) == "/x/config: \(expected)")
    }

    @Test(
        "A SOCKS proxy resolves the server's name, as with kubectl; others are unchanged",
        arguments: [
            ("socks5://proxy:1080", "socks5h://proxy:1080"), ("SOCKS5://proxy", "socks5h://proxy"),
            ("socks5h://proxy:1080", "socks5h://proxy:1080"), ("https://u:p@proxy:3128", "https://proxy:3128"),
        ])
    func proxies(url: String, expected: String) throws {
        let endpoint = try endpoint(config(cluster: "{server: 'https://a', proxy-url: '\(url)'}"))
        #expect(endpoint.proxyURL == expected)
    }

    @Test("A proxy's login is removed from its URL, so that no message can show it")
    func proxyLogin() throws {
        let text = config(cluster: "{server: 'https://a', proxy-url: 'http://us%40er:pa%3Ass:w@rd@proxy:3128'}")
        let endpoint = try endpoint(text)
        #expect(endpoint.proxyURL == "http://proxy:3128")
        #expect(endpoint.proxyLogin == ProxyLogin(user: Sensitive("us@er"), password: Sensitive("pa:ss:w@rd")))
        #expect(!"\(endpoint)".contains("w@rd"))
        #expect(
            message(config(cluster: "{server: 'https://a', proxy-url: 'http://user:%zz@proxy'}"))
                == "/x/config: clusters[0].cluster.proxy-url: has a user name or password with a % that begins no two "
                + "hexadecimal digits")
        for url in ["http://user:hun/ter2@proxy:3128", "http://user:hunter2@", "http://user:hun?ter2@proxy"] {
            let text = message(config(cluster: "{server: 'https://a', proxy-url: '\(url)'}"))
            #expect(
                text?.contains("is not scheme://user:password@host:port") == true && text?.contains("ter2") == false)
        }
        #expect(
            message(config(cluster: "{server: 'https://user:hunter2@a'}"))
                == "/x/config: clusters[0].cluster.server: must have no user name or password in it")
    }

    @Test("Contexts that lead nowhere say where they end")
    func contexts() {
        let good = config()
        #expect(message(good, context: "other") == "/x/config: contexts: no context other: there are main")
        #expect(
            message(good.replacing("cluster: c,", with: "cluster: d,"))
                == "/x/config: contexts[0].context.cluster: there is no cluster d")
        #expect(
            message(good.replacing("user: u,", with: "user: v,"))
                == "/x/config: contexts[0].context.user: there is no user v")
        #expect(
            message(good.replacing("current-context: main\n", with: "")) == "/x/config: current-context: is not set")
    }

    @Test(
        "A file that is not a kubeconfig is refused",
        arguments: [
            "", "just text", "[]", "a: [", "kind: Pod", "clusters: 5", "users: [{user: {}}]", "current-context: []",
            "clusters: [{name: a, cluster: {}}, {name: a, cluster: {}}]",
        ])
    func noConfig(text: String) {
        #expect(message(text)?.hasPrefix("/x/config") == true)
    }

    @Test("What a kubeconfig says is shown without control characters")
    func control() {
        #expect(message("kind: \"Con\\tfi\\eg\"") == "/x/config: kind: is Con\u{FFFD}fi\u{FFFD}g, not Config")
    }

    @Test("The first of several files that names an entry counts; missing files are skipped")
    func merged() async throws {
        let folder = try TemporaryFolder()
        try folder.write("a", config(user: "{token: first}"))
        try folder.write("b", config(user: "{token: second}").replacing("name: main", with: "name: extra"))
        let files = ["\(folder.path)/none", "\(folder.path)/a", "\(folder.path)/b"]
        let merged = try Kubeconfig.load(files)
        #expect(merged.contextNames == ["main", "extra"])
        #expect(try await merged.endpoint(context: "extra").authorization.bearerToken() == Sensitive("first"))
        let failure = #expect(throws: EndpointFailure.self) { try Kubeconfig.load(["\(folder.path)/none"]) }
        #expect(failure?.description == "\(folder.path)/none: can't be opened: No such file or directory")
        #expect(throws: EndpointFailure.self) { try Kubeconfig.load([]) }
        #expect(throws: EndpointFailure.self) { try Kubeconfig.load([folder.path]) }
    }

    @Test("Of several files one with nothing in it counts for nothing; alone it is an error", arguments: ["", "# x\n"])
    func emptyFile(text: String) throws {
        let folder = try TemporaryFolder()
        try folder.write("empty", text)
        try folder.write("config", config())
        let (empty, full) = ("\(folder.path)/empty", "\(folder.path)/config")
        for files in [[empty, full], [full, empty]] {
            let names = try Kubeconfig.load(files).contextNames
            #expect(names == ["main"])
        }
        for files in [[empty], [empty, empty]] {
            let failure = #expect(throws: EndpointFailure.self) { try Kubeconfig.load(files) }
            #expect(failure?.file == empty)
        }
    }

    @Test("kubectl's own places are looked at in its order")
    func defaults() {
        #expect(Kubeconfig.defaultFiles(kubeconfig: "/a::/b", home: "/root") == ["/a", "/b"])
        #expect(Kubeconfig.defaultFiles(kubeconfig: "", home: "/root") == ["/root/.kube/config"])
        #expect(Kubeconfig.defaultFiles(kubeconfig: nil, home: nil) == [])
    }
}

@Suite("In a pod")
struct InClusterTests {
    private let environment = ["KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"]

    private func pod() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try folder.write("\(InClusterConfiguration.folder.dropFirst())/ca.crt", "CA")
        try folder.write("\(InClusterConfiguration.folder.dropFirst())/namespace", "flyte\n")
        try folder.write("\(InClusterConfiguration.folder.dropFirst())/token", "one")
        return folder
    }

    @Test("The pod's own API server, CA, namespace and token")
    func endpoint() async throws {
        let pod = try pod()
        let endpoint = try InClusterConfiguration.endpoint(environment: environment, root: pod.path)
        #expect(endpoint.server == "https://10.96.0.1:443")
        #expect(endpoint.tls.caCertificates == Array("CA".utf8))
        #expect(endpoint.namespace == "flyte")
        #expect(try await endpoint.authorization.bearerToken() == Sensitive("one"))
        try pod.write("\(InClusterConfiguration.folder.dropFirst())/token", "two")
        endpoint.authorization.rejected()
        #expect(try await endpoint.authorization.bearerToken() == Sensitive("two"))
    }

    @Test("An IPv6 address goes into brackets")
    func ipv6() throws {
        let pod = try pod()
        let environment = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"]
        #expect(InClusterConfiguration.isPresent(environment: environment))
        let endpoint = try InClusterConfiguration.endpoint(environment: environment, root: pod.path)
        #expect(endpoint.server == "https://[fd00::1]:6443")
    }

    @Test("What is missing is named")
    func missing() throws {
        #expect(!InClusterConfiguration.isPresent(environment: [:]))
        let none = #expect(throws: EndpointFailure.self) { try InClusterConfiguration.endpoint(environment: [:]) }
        #expect(none?.description == "not in a pod: KUBERNETES_SERVICE_HOST is not set")
        let port = #expect(throws: EndpointFailure.self) {
            try InClusterConfiguration.endpoint(environment: [
                "KUBERNETES_SERVICE_HOST": "a", "KUBERNETES_SERVICE_PORT": "x",
            ])
        }
        #expect(port?.description == "KUBERNETES_SERVICE_PORT is not a port: x")
        let folder = try TemporaryFolder()
        let files = #expect(throws: EndpointFailure.self) {
            try InClusterConfiguration.endpoint(environment: environment, root: folder.path)
        }
        #expect(files?.file?.hasSuffix("/ca.crt") == true)
    }
}
