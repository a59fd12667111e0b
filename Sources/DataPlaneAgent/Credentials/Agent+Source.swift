import ControlLoop
import Fleet
import Kube
import Support
import TokenSources

/// A credential source as a part of settings that are compared. The source stays the same as long as its own settings
/// do.
package struct SourceReference: Sendable, Hashable {
    package let source: any CredentialSource
    /// The DataPlane's credentials and endpoint.
    package let settings: SourceSettings

    package init(source: any CredentialSource, settings: SourceSettings) {
        self.source = source
        self.settings = settings
    }

    package static func == (left: SourceReference, right: SourceReference) -> Bool { left.source === right.source }
    package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(source)) }
}

/// The settings behind a credential source. When they change, a new source is made.
package struct SourceSettings: Sendable, Hashable {
    package var endpoint: String
    package var clusterName: String
    package var credentials: CredentialsReference

    package init(endpoint: String, clusterName: String, credentials: CredentialsReference) {
        self.endpoint = endpoint
        self.clusterName = clusterName
        self.credentials = credentials
    }
}

/// A source that runs until it is replaced.
final class RunningSource: Sendable {
    let reference: SourceReference
    private let stopped = Signal()
    init(_ reference: SourceReference) { self.reference = reference }

    func run() async { await stopped.ending { [source = reference.source] in await source.run() } }
    func stop() { stopped.advance() }
}

extension Agent {
    /// The source that runs now.
    package var source: SourceReference? { sourceInForce { $0?.reference } }

    /// Runs the source that the settings name, and stops any other.
    func follow(_ reference: SourceReference?) {
        let (old, new) = sourceInForce { running -> (RunningSource?, RunningSource?) in
            guard running?.reference != reference else { return (nil, nil) }
            let new = reference.map { RunningSource($0) }
            defer { running = new }
            return (running, new)
        }
        old?.stop()
        if let new { sources.start(new) }
    }

    /// Tells the link's source what a probe found. True if the source has another token now. Then the result says
    /// nothing about the new token, which is probed at once.
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

    /// The link in use has another token, which has not been tried yet.
    package func tokenChanged() { probeAgain() }
}
