import ControlLoop
import Fleet
import Kube
import Support
import TokenSources

/// A credential source among settings that are compared. It stays the same one while the settings that it was made from do.
struct SourceReference: Sendable, Hashable {
    let source: any CredentialSource
    /// The DataPlane's credentials and endpoint.
    let settings: SourceSettings

    static func == (left: SourceReference, right: SourceReference) -> Bool { left.source === right.source }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(source)) }
}

/// What a credential source was made from: where this changes, another one is made.
struct SourceSettings: Sendable, Hashable {
    var endpoint: String
    var clusterName: String
    var credentials: CredentialsReference
}

/// A source at work, until it is replaced.
final class RunningSource: Sendable {
    let reference: SourceReference
    private let stopped = Signal()
    init(_ reference: SourceReference) { self.reference = reference }

    func run() async { await stopped.ending { [source = reference.source] in await source.run() } }
    func stop() { stopped.advance() }
}

extension DataPlaneSession {
    /// The source of the settings in force.
    var source: SourceReference? { running.withLock { $0?.reference } }

    /// Runs the source that the settings name, and no other.
    func follow(_ reference: SourceReference?) {
        let (old, new) = running.withLock { running -> (RunningSource?, RunningSource?) in
            guard running?.reference != reference else { return (nil, nil) }
            let new = reference.map { RunningSource($0) }
            defer { running = new }
            return (running, new)
        }
        old?.stop()
        if let new { sources.start(new) }
    }

    /// Tells the link's source what a probe found. True where it has another token now: what the probe found says nothing of
    /// that one, which is probed at once.
    func tellSource(of link: Link, _ answer: ProbeAnswer) -> Bool {
        guard let source = link.configuration.source?.source else { return false }
        let heard: TokenRenewal.Answer =
            switch answer {
            case .succeeded: .accepted
            case .tokenRejected: .refused
            case .failed: .away
            }
        guard source.probed(heard, by: link.prober) else { return false }
        probeAgain()
        return true
    }

    /// The token of the link in use is another one, which nothing is known of.
    func tokenChanged() { probeAgain() }
}
