import Foundation
import HTTP
import JSON
import KubeObjects
import Support
import TestSupport
import Testing

@testable import Kube

/// Plugins are small shell scripts, as nobody's real one is needed to see what is done with their answers.
@Suite("Credential plugins of a kubeconfig")
struct ExecPluginTests {
    private static let good = """
        echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "abc"}}'
        """

    /// A kubeconfig whose user has a plugin with this script. `more` are further lines of `exec`.
    private struct Setting {
        let folder: TemporaryFolder
        let notes = Probe<String>()
        var file: String { "\(folder.path)/config" }

        init(script: String, more: String = "", user: String = "", version: String = "v1", cluster: String = "") throws
        {
            folder = try TemporaryFolder()
            try folder.write("plugin.sh", script)
            // A shell under the plugin's name: a file that was just written can't be run while another test's child
            // still holds it open ("Text file busy").
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder.path)/plugin", withDestinationPath: "/bin/sh")
            try folder.write(
                "config",
                """
                current-context: main
                contexts: [{name: main, context: {cluster: c, user: u}}]
                clusters: [{name: c, cluster: {server: 'https://10.0.0.1:6443'\(cluster)}}]
                users:
                - name: u
                  user:
                    exec:
                      apiVersion: client.authentication.k8s.io/\(version)
                      command: ./plugin
                      args: ['\(folder.path)/plugin.sh', one, 'two words']
                      env: [{name: GIVEN, value: by kubeconfig}]
                      interactiveMode: IfAvailable
                      installHint: get it from the shop
                \(more)
                    \(user)
                """)
        }

        func endpoint(
            limit: Duration = .seconds(20), isInteractive: Bool = false, clock: WallClock = .system
        ) async throws(EndpointFailure) -> ClusterEndpoint {
            var plugins = ExecPlugins(
                isInteractive: isInteractive, environment: ["PATH": "/usr/bin:/bin", "INHERITED": "yes"]
            ) { [notes] in notes.record($0) }
            plugins.limit = limit
            plugins.wallClock = clock
            return try await Kubeconfig.load([file]).endpoint(plugins: plugins)
        }

        func failure(limit: Duration = .seconds(20)) async -> String {
            do throws(EndpointFailure) {
                _ = try await endpoint(limit: limit)
                return "no failure"
            } catch {
                return error.isOfPlugin ? error.message : "not the plugin's: \(error)"
            }
        }
    }

    @Test("The token is used, and arguments and environment are the kubeconfig's", arguments: ["v1", "v1beta1"])
    func token(version: String) async throws {
        let setting = try Setting(
            script: """
                test "$1" = one && test "$2" = "two words" && test "$GIVEN" = "by kubeconfig" || exit 9
                test "$INHERITED" = yes && test -z "$UNKNOWN" || exit 8
                cat > "$0.stdin"; test -s "$0.stdin" && exit 7
                echo "$KUBERNETES_EXEC_INFO" > "$0.info"
                \(Self.good.replacing("/v1\"", with: "/\(version)\""))
                """, version: version)
        let endpoint = try await setting.endpoint()
        #expect(try await endpoint.authorization.bearerToken() == Sensitive("abc"))
        #expect(endpoint.server == "https://10.0.0.1:6443")
        let info = try JSON(parsing: String(contentsOfFile: "\(setting.folder.path)/plugin.sh.info", encoding: .utf8))
        #expect(info["apiVersion"]?.string == "client.authentication.k8s.io/\(version)")
        #expect(info["kind"] == "ExecCredential" && info[path: ["spec", "interactive"]] == false)
        #expect(info[path: ["spec", "cluster"]] == nil)
    }

    @Test("provideClusterInfo tells the plugin of the cluster")
    func clusterInfo() async throws {
        let setting = try Setting(
            script: "echo \"$KUBERNETES_EXEC_INFO\" > \"$0.info\"\n" + Self.good,
            more: "      provideClusterInfo: true",
            cluster: """
                , certificate-authority-data: UEVN, tls-server-name: kubernetes, extensions: [{name: \
                client.authentication.k8s.io/exec, extension: {audience: a}}]
                """)
        _ = try await setting.endpoint()
        let info = try JSON(parsing: String(contentsOfFile: "\(setting.folder.path)/plugin.sh.info", encoding: .utf8))
        let expected: JSON = [
            "server": "https://10.0.0.1:6443", "certificate-authority-data": "UEVN", "tls-server-name": "kubernetes",
            "config": ["audience": "a"],
        ]
        #expect(info[path: ["spec", "cluster"]] == expected)
    }

    @Test("A client certificate is used for TLS")
    func certificate() async throws {
        let setting = try Setting(
            script: """
                echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                  "status": {"clientCertificateData": "CRT", "clientKeyData": "KEY"}}'
                """)
        let endpoint = try await setting.endpoint()
        #expect(endpoint.tls.clientCertificate == Array("CRT".utf8) && endpoint.tls.clientKey == Sensitive("KEY"))
        #expect(try await endpoint.authorization.bearerToken() == nil)
    }

    @Test("The operator runs no plugin")
    func refused() throws {
        let setting = try Setting(script: "touch \"$0.ran\"\n" + Self.good)
        let failure = #expect(throws: EndpointFailure.self) { try Kubeconfig.load([setting.file]).endpoint() }
        #expect(failure?.path == "users[0].user.exec" && failure?.isOfPlugin == false)
        #expect(!FileManager.default.fileExists(atPath: "\(setting.folder.path)/plugin.sh.ran"))
    }

    @Test("A token beside the plugin counts instead of it, as in kubectl")
    func besides() async throws {
        let setting = try Setting(script: "touch \"$0.ran\"\n" + Self.good, user: "token: mine")
        #expect(try await setting.endpoint().authorization.bearerToken() == Sensitive("mine"))
        #expect(!FileManager.default.fileExists(atPath: "\(setting.folder.path)/plugin.sh.ran"))
    }

    @Test(
        "An invalid answer is refused, and no message repeats it",
        arguments: [
            ("echo hunter2", "the output is not JSON"),
            ("echo '{\"kind\": \"hunter2\"}'", "the output is not an ExecCredential"),
            (good.replacing("/v1", with: "/v2"), "the output's apiVersion is client.authentication.k8s.io/v2"),
            (good.replacing("{\"token\": \"abc\"}", with: "{}"), "neither a token nor a client certificate"),
            (good.replacing("\"token\": \"abc\"", with: "\"clientKeyData\": \"hunter2\""), "one is missing"),
            (good.replacing("\"abc\"", with: "\"hunter2 x\""), "the token has white space"),
            (
                good.replacing("\"abc\"", with: "\"hunter2\", \"expirationTimestamp\": \"soon\""),
                "expirationTimestamp is not an RFC 3339 time"
            ),
            ("exit 3", "ended with code 3"), ("kill -9 $$", "ended with code 137"),
        ])
    func badAnswers(script: String, expected: String) async throws {
        let message = try await Setting(script: script).failure()
        #expect(message.contains(expected) && !message.contains("hunter2"), "\(message)")
        #expect(
            message.contains("users[0].user.exec: the credential plugin") && message.hasSuffix("get it from the shop"))
    }

    @Test("A missing plugin is reported with the hint how to install it")
    func missing() async throws {
        let setting = try Setting(script: Self.good)
        try FileManager.default.removeItem(atPath: "\(setting.folder.path)/plugin")
        let message = await setting.failure()
        #expect(message.contains("is not there") && message.hasSuffix("get it from the shop"))
    }

    @Test("A plugin that hangs is ended at the limit, with what it has started")
    func hanging() async throws {
        let setting = try Setting(script: "sleep 600 & echo $! > \"$0.pid\"; wait")
        let start = ContinuousClock.now
        let message = await setting.failure(limit: .seconds(1))
        #expect(message.contains("did not end within 1 s"))
        // The plugin's own time is ten minutes; a loaded machine may need some of them.
        #expect(ContinuousClock.now - start < .seconds(300))
        let pid = try String(contentsOfFile: "\(setting.folder.path)/plugin.sh.pid", encoding: .utf8)
        let child = try #require(Int32(pid.trimmingCharacters(in: .whitespacesAndNewlines)))
        // Nobody can wait for a grandchild's end: a killed one takes a moment, and stays until its new parent looks.
        let end = ContinuousClock.now + .seconds(10) * patience
        var isGone = false
        while !isGone, ContinuousClock.now < end {
            let state = (try? String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8)) ?? ""
            isGone = kill(child, 0) != 0 || state.contains(") Z ")
            if !isGone { sched_yield() }
        }
        #expect(isGone)
    }

    @Test("A flood is cut off")
    func flood() async throws {
        #expect(try await Setting(script: "yes").failure().contains("printed more than a credential can be"))
    }

    @Test("Standard error is passed on by lines, bounded and without control characters")
    func standardError() async throws {
        let setting = try Setting(
            script: """
                printf 'open \\033[31mhttps://login\\r\\nand wait' >&2
                i=0; while [ $i -lt 3000 ]; do echo "line $i of many that go on and on for ever" >&2; i=$((i + 1)); done
                \(Self.good)
                """)
        _ = try await setting.endpoint()
        let notes = setting.notes.all
        #expect(notes.first == "open \u{FFFD}[31mhttps://login")
        #expect(notes.reduce(0) { $0 + $1.utf8.count } <= 64 << 10)
        #expect(notes.count > 100)
    }

    @Test("interactiveMode Always needs a terminal; Never gets none")
    func interactive() async throws {
        let always = try Setting(script: Self.good)
        let text = try String(contentsOfFile: always.file, encoding: .utf8)
        try always.folder.write("config", text.replacing("IfAvailable", with: "Always"))
        #expect(await always.failure().contains("needs a terminal"))
        let never = try Setting(script: "echo \"$KUBERNETES_EXEC_INFO\" > \"$0.info\"\n" + Self.good)
        let other = try String(contentsOfFile: never.file, encoding: .utf8)
        try never.folder.write("config", other.replacing("IfAvailable", with: "Never"))
        _ = try await never.endpoint(isInteractive: true)
        let info = try String(contentsOfFile: "\(never.folder.path)/plugin.sh.info", encoding: .utf8)
        #expect(info.contains("\"interactive\":false"))
    }

    @Test("A token is requested again when it has expired, and when the server refuses it")
    func renewal() async throws {
        let setting = try Setting(
            script: """
                echo x >> "$0.runs"
                n=$(wc -l < "$0.runs")
                echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": '
                echo '{"token": "t'$n'", "expirationTimestamp": "2026-06-01T12:00:00Z"}}'
                """)
        let time = Locked(Timestamp("2026-06-01T11:00:00Z")!.instant)
        let authorization = try await setting.endpoint(clock: WallClock { time.withLock { $0 } }).authorization
        #expect(try await authorization.bearerToken() == Sensitive("t1"))
        #expect(try await authorization.bearerToken() == Sensitive("t1"))
        authorization.rejected()
        #expect(try await authorization.bearerToken() == Sensitive("t2"))
        #expect(try await authorization.bearerToken() == Sensitive("t2"))
        time.withLock { $0 = $0 + 7200 }
        #expect(try await authorization.bearerToken() == Sensitive("t3"))
    }

    /// A plugin that prints the number of its run: as token, and as certificate if `certificates`.
    private func counting(certificates: Bool = false) throws -> Setting {
        let status =
            certificates ? #"{"clientCertificateData": "c'$n'", "clientKeyData": "k'$n'"}"# : #"{"token": "t'$n'"}"#
        return try Setting(
            script: """
                echo x >> "$0.runs"
                n=$(wc -l < "$0.runs")
                echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": \(status)}'
                """)
    }

    @Test("Requests that were refused with the same credential run the plugin once")
    func refusedTogether() async throws {
        let setting = try counting()
        let authorization = try await setting.endpoint().authorization
        let used = try await authorization.credential()
        authorization.rejected(used)
        #expect(try await authorization.credential().token == Sensitive("t2"))
        // The answer to another request, which was sent with the first one.
        authorization.rejected(used)
        #expect(try await authorization.credential().token == Sensitive("t2"))
        #expect(try String(contentsOfFile: "\(setting.folder.path)/plugin.sh.runs", encoding: .utf8) == "x\nx\n")
    }

    @Test("A refused certificate is asked for again, and new connections use the new one")
    func renewedCertificate() async throws {
        let setting = try counting(certificates: true)
        let endpoint = try await setting.endpoint()
        let used = Locked<[String]>([])
        let transport = RenewedTransport(endpoint.authorization) { certificate in
            let name = String(decoding: certificate?.chain ?? [], as: UTF8.self)
            return ScriptedTransport { _ in
                used.withLock { $0.append(name) }
                return name == "c1" ? .text("Unauthorized", status: 401) : .json(["gitVersion": "v1.36.2"])
            }
        }
        let client = KubeClient(
            server: endpoint.server, transport: transport, authorization: endpoint.authorization,
            options: .init(userAgent: "test"))
        _ = try await client.version()
        _ = try await client.version()
        #expect(used.withLock { $0 } == ["c1", "c2", "c2"])
        #expect(endpoint.authorization.clientCertificate?.key == Sensitive("k2"))
        #expect(try String(contentsOfFile: "\(setting.folder.path)/plugin.sh.runs", encoding: .utf8) == "x\nx\n")
    }

    @Test(
        "What is wrong with `exec` itself names the field",
        arguments: [
            (
                "apiVersion: client.authentication.k8s.io/v1", "apiVersion: client.authentication.k8s.io/v1alpha1",
                ".apiVersion"
            ),
            ("command: ./plugin", "command: ''", ".command"),
            ("interactiveMode: IfAvailable", "interactiveMode: Maybe", ".interactiveMode"),
            ("args: [", "args: 5 #", ".args"),
            ("[{name: GIVEN, value: by kubeconfig}]", "[{value: x}]", ".env[0].name"),
        ])
    func badSpecs(old: String, new: String, field: String) async throws {
        let setting = try Setting(script: Self.good)
        let text = try String(contentsOfFile: setting.file, encoding: .utf8)
        try setting.folder.write("config", text.replacing(old, with: new))
        do throws(EndpointFailure) {
            _ = try await setting.endpoint()
            Issue.record("accepted")
        } catch {
            #expect(error.path == "users[0].user.exec\(field)" && !error.isOfPlugin, "\(error)")
        }
    }
}
