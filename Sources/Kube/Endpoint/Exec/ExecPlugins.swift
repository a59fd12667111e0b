import HTTP
import KubeObjects
import Support

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How the credential plugins of a kubeconfig are run. They are for commands that a person runs. The operator runs
/// none.
public struct ExecPlugins: Sendable {
    /// kubectl sets no limit, but a command that hangs helps nobody.
    public static let limit = Duration.seconds(60)

    public var limit = Self.limit
    /// Whether a plugin may ask the user something: standard input is a terminal.
    public var isInteractive: Bool
    /// The variables that a plugin's environment has beside its own `env`.
    public var environment: [String: String]
    public var wallClock = WallClock.system
    /// Gets each line that a plugin writes to standard error, without control characters.
    public var note: @Sendable (String) -> Void

    public init(isInteractive: Bool, environment: [String: String], note: @escaping @Sendable (String) -> Void) {
        self.isInteractive = isInteractive
        self.environment = environment
        self.note = note
    }

    /// The plugins get this process's own environment and terminal.
    public static func process(note: @escaping @Sendable (String) -> Void) -> ExecPlugins {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return ExecPlugins(isInteractive: isatty(STDIN_FILENO) == 1, environment: variables, note: note)
    }

    /// Runs a plugin once.
    func credential(_ spec: ExecSpec) async throws(CredentialsFailure) -> ExecCredential {
        let mayAsk = isInteractive && spec.mode != .never
        if spec.mode == .always, !isInteractive {
            throw failure(spec, "needs a terminal to ask the user something (interactiveMode: Always)")
        }
        var variables = environment.merging(spec.environment) { _, own in own }
        variables["KUBERNETES_EXEC_INFO"] = spec.info(isInteractive: mayAsk)
        let command = ChildOutput.Command(
            program: spec.command, arguments: spec.arguments, environment: variables, inheritsInput: mayAsk,
            limit: limit)
        let lines = Locked(ErrorLines())
        var answer: ChildOutput
        do throws(ChildOutput.Failure) {
            answer = try await ChildOutput.run(command) { [note] bytes in
                for line in lines.withLock({ $0.add(bytes) }) { note(line) }
            }
            if let rest = lines.withLock({ $0.rest }) { note(rest) }
        } catch {
            if let rest = lines.withLock({ $0.rest }) { note(rest) }
            throw failure(spec, Self.text(error, limit: limit))
        }
        defer { answer.output.wipe() }
        guard answer.exitCode == 0 else { throw failure(spec, "ended with code \(answer.exitCode)") }
        do {
            return try ExecCredential(output: answer.output, apiVersion: spec.apiVersion)
        } catch {
            throw failure(spec, error.message)
        }
    }

    private func failure(_ spec: ExecSpec, _ problem: String) -> CredentialsFailure {
        let name = spec.command.shown(bytes: 200)
        let hint = spec.installHint.map { "\n" + $0.shown(limit: 2048, keepsLines: true) } ?? ""
        return CredentialsFailure("\(spec.place): the credential plugin \(name) \(problem)\(hint)")
    }

    private static func text(_ failure: ChildOutput.Failure, limit: Duration) -> String {
        switch failure {
        case .notFound: "is not there: it is neither a file nor in PATH"
        case .notStarted(let code): "can't be started: \(String(cString: strerror(code)))"
        case .timedOut: "did not end within \(limit.components.seconds) s"
        case .tooLong: "printed more than a credential can be"
        }
    }
}

/// Splits standard error into lines as it comes.
private struct ErrorLines {
    private var bytes: [UInt8] = []

    /// The lines that are complete now.
    mutating func add(_ more: [UInt8]) -> [String] {
        bytes += more
        var lines: [String] = []
        while let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(Self.shown(bytes[..<end]))
            bytes.removeSubrange(...end)
        }
        return lines
    }

    /// The rest without a line break.
    var rest: String? { bytes.isEmpty ? nil : Self.shown(bytes[...]) }

    private static func shown(_ bytes: ArraySlice<UInt8>) -> String {
        let line = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
        return String(decoding: line, as: UTF8.self).shown(limit: 1000)
    }
}

/// The credential of a plugin. The plugin runs again when the credential has ended, and when the server refuses it. Another
/// client certificate needs other connections: `RenewedTransport` makes them.
actor ExecAuthorization: Authorization {
    private struct State {
        var credential: ExecCredential
        var generation = 1
        var isRefused = false

        var ofRequests: RequestCredential {
            let certificate = credential.clientCertificate.map {
                ClientCertificate(chain: $0, key: credential.clientKey)
            }
            return RequestCredential(token: credential.token, certificate: certificate, generation: generation)
        }
    }

    private let spec: ExecSpec
    private let plugins: ExecPlugins
    private var running: Task<Result<RequestCredential, CredentialsFailure>, Never>?
    private nonisolated let state: Locked<State>

    init(_ spec: ExecSpec, _ plugins: ExecPlugins, first: ExecCredential) {
        (self.spec, self.plugins) = (spec, plugins)
        state = Locked(State(credential: first))
    }

    func bearerToken() async throws(CredentialsFailure) -> Sensitive? { try await credential().token }

    func credential() async throws(CredentialsFailure) -> RequestCredential {
        let now = plugins.wallClock.now
        let good = state.withLock { state -> RequestCredential? in
            let hasEnded = state.credential.expiration.map { $0 <= now } ?? false
            return hasEnded || state.isRefused ? nil : state.ofRequests
        }
        if let good { return good }
        let task = running ?? start()
        running = task
        let result = await task.value
        if running == task { running = nil }
        return try result.get()
    }

    nonisolated func rejected() { state.withLock { $0.isRefused = true } }

    /// Requests run at the same time. One that was sent with an older credential says nothing of the present one.
    nonisolated func rejected(_ credential: RequestCredential) {
        state.withLock { if $0.generation == credential.generation { $0.isRefused = true } }
    }

    nonisolated var clientCertificate: ClientCertificate? { state.withLock { $0.ofRequests.certificate } }

    /// The run is a task of its own: several requests may wait for the one run of the plugin, and none of them may
    /// cancel it for the others.
    private func start() -> Task<Result<RequestCredential, CredentialsFailure>, Never> {
        let (spec, plugins, state) = (spec, plugins, state)
        return Task {
            do throws(CredentialsFailure) {
                let fresh = try await plugins.credential(spec)
                return .success(
                    state.withLock { state in
                        state = State(credential: fresh, generation: state.generation + 1)
                        return state.ofRequests
                    })
            } catch {
                return .failure(error)
            }
        }
    }
}
