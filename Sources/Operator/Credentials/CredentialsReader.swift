import DataPlaneAgent
import Fleet
import HTTP
import Kube
import KubeObjects
import Support
import TokenSources

/// What is known of a DataPlane's credentials.
struct CredentialsFacts: Sendable {
    enum State: Sendable {
        /// The Secret has not been read yet, or the first token has not come yet.
        case unknown(String)
        case inCluster
        case valid(CredentialsInForce)
        case invalid(CredentialsReason, String)
    }
    var state: State
    /// Renews the token. Nil if the token does not renew itself.
    var source: SourceReference?
    /// When to look again only because time has passed.
    var again: Duration?
    /// The login for the proxy.
    var proxyLogin: ProxyLogin?
}

/// The credentials for a data plane, from any source.
struct CredentialsInForce: Sendable {
    /// Nil if a source gives the token.
    var token: Sensitive?
    /// Nil for the system's roots.
    var ca: [UInt8]?
    var tokenLifetime: Lifetime?
    var caLifetime: Lifetime?
    /// When a token that renews itself is renewed next.
    var renewalTime: Instant?
    /// Its origin, and remarks for users.
    var notes: [String]
}

/// Reads the credentials of a data plane.
struct CredentialsReader: Sendable {
    let informers: Informers
    let renewals: CredentialRenewals
    let wallClock: WallClock

    /// The state of the credentials, the source that renews them, and when to look again only because time has
    /// passed.
    func withoutProxy(_ object: DataPlane) -> CredentialsFacts {
        if object.spec.inCluster { return CredentialsFacts(state: .inCluster) }
        let now = wallClock.now
        guard object.spec.credentials.provider == .secret else { return renewedCredentials(of: object, now: now) }
        let from = "from Secret \(object.spec.credentials.secretName)"
        switch informers.credentials(object.credentialsPlace, now: now) {
        case nil: return CredentialsFacts(state: .unknown("not read yet"))
        case .invalid(.secretNotFound, let text)?: return CredentialsFacts(state: .invalid(.secretNotFound, text))
        case .invalid(let reason, let text)?:
            return CredentialsFacts(state: .invalid(reason, text), again: Delay.nextLookAtCredentials)
        case .valid(let found)?:
            let inForce = CredentialsInForce(
                token: found.token, ca: found.ca, tokenLifetime: found.tokenLifetime, caLifetime: found.caLifetime,
                notes: [from] + found.notes)
            return CredentialsFacts(state: .valid(inForce), again: nextLook(inForce, now: now))
        }
    }

    /// When the next warning is due, or when the token ends.
    private func nextLook(_ credentials: CredentialsInForce, now: Instant) -> Duration {
        let ends = [credentials.tokenLifetime, credentials.caLifetime]
        let longest = Delay.nextLookAtCredentials.seconds
        let next = ends.compactMap { ExpiryStage.next($0, now: now) }.map { $0 - now }.min() ?? longest
        return .seconds(max(1, min(longest, next + 1)))
    }

    private func renewedCredentials(of object: DataPlane, now: Instant) -> CredentialsFacts {
        let settings = object.spec.credentials
        let again = Delay.nextLookAtCredentials
        let found: RenewedCredentials
        switch informers.renewed(object, clouds: renewals.sources.clouds, now: now) {
        case nil: return CredentialsFacts(state: .unknown("not read yet"))
        case .invalid(let reason, let text)?: return CredentialsFacts(state: .invalid(reason, text), again: again)
        case .valid(let credentials)?: found = credentials
        }
        let reference = renewals.source(of: object, first: found)
        let report = reference.source.report
        var facts = CredentialsFacts(state: .unknown("the first token is asked for"), source: reference, again: again)
        guard report.hasToken, report.isOwn || found.firstProblem == nil else {
            if let problem = found.firstProblem, !report.isOwn {
                facts.state = .invalid(problem.reason, problem.message)
            } else if let problem = report.problem {
                facts.state = .invalid(.renewalFailed, problem)
            }
            return facts
        }
        var inForce = CredentialsInForce(
            token: nil, ca: found.ca, tokenLifetime: report.isOwn ? report.lifetime : found.firstLifetime,
            caLifetime: found.caLifetime, renewalTime: report.renewalTime,
            notes: [Self.origin(settings, isOwn: report.isOwn)] + found.notes)
        if report.isOwn, let problem = found.firstProblem { inForce.notes.append("not used: \(problem.message)") }
        if let why = report.failure { inForce.notes.append("the last renewal failed: \(why)") }
        if let why = report.notWrittenBack { inForce.notes.append("not written back: \(why)") }
        facts.state = .valid(inForce)
        facts.again = nextLook(inForce, now: now)
        return facts
    }

    private static func origin(_ settings: CredentialsReference, isOwn: Bool) -> String {
        switch settings.provider {
        case .tokenRequest:
            let request = settings.tokenRequestSettings
            return isOwn
                ? "renewed by the ServiceAccount \(request.namespace)/\(request.serviceAccount) itself"
                : "from Secret \(settings.secretName), not renewed yet"
        case .federated: return "from the control plane's ServiceAccount \(settings.federatedSettings.serviceAccount)"
        case .secret, .aws, .gcp, .azure: return "from \(settings.provider.rawValue)"
        }
    }

    /// The agent's configuration, from the object and its credentials.
    func configuration(of object: DataPlane, _ facts: CredentialsFacts) -> AgentConfiguration {
        var configuration = AgentConfiguration()
        configuration.recordedUID = object.recordedClusterUID
        configuration.hasRecordedVersion =
            configuration.recordedUID != nil && object.status?.kubernetesVersion != nil
        configuration.source = facts.source
        switch facts.state {
        case .valid(let credentials):
            configuration.link = LinkConfiguration(
                server: .url(object.spec.endpoint ?? ""), token: credentials.token, source: facts.source,
                ca: credentials.ca, connection: object.spec.connection)
        case .inCluster:
            configuration.link = LinkConfiguration(server: .controlPlane, connection: object.spec.connection)
        case .unknown, .invalid: break
        }
        configuration.link?.proxyLogin = facts.proxyLogin
        return configuration
    }

    func take(
        _ facts: CredentialsFacts, of object: DataPlane, _ spec: ClusterRegistrySpec,
        into seen: inout DataPlaneFacts
    ) {
        switch facts.state {
        case .valid(let credentials):
            (seen.tokenLifetime, seen.caLifetime) = (credentials.tokenLifetime, credentials.caLifetime)
            seen.tokenRenewalTime = credentials.renewalTime.map { Timestamp($0) }
            var parts = credentials.notes
            if spec.publish?.clustersConfigMap != nil,
                let raw = informers.unreadableByFlyteAdmin(of: object, now: wallClock.now)
            {
                parts.append(raw)
            }
            parts += ExpiryStage.warnings(credentials.tokenLifetime, credentials.caLifetime, now: wallClock.now)
            seen.credentials = .valid(parts.joined(separator: "; "))
        case .invalid(let reason, let message):
            seen.credentials = .invalid(reason, message)
            if object.spec.credentials.provider == .secret,
                case .present(let data) = informers.secrets[object.spec.credentials.secretName]
            {
                (seen.tokenLifetime, seen.caLifetime) = CheckedCredentials.lifetimes(
                    object.credentialsPlace, in: data, now: wallClock.now)
            }
        case .inCluster: seen.credentials = .valid("the operator's own")
        case .unknown: break
        }
    }

    /// What the agent's own connection says about the token in use.
    func take(_ report: AgentReport, into seen: inout DataPlaneFacts) {
        seen.credentialFingerprint =
            report.credential?.fingerprint ?? report.linkInUse?.token.map { Fingerprint.of($0) }
        guard let refused = report.facts.tokenRejected else { return }
        if let problem = report.credential?.problem {
            seen.credentials = .invalid(.renewalFailed, "\(problem): \(refused)")
        } else {
            seen.credentials = refusal(refused, seen.tokenLifetime)
        }
    }

    /// The meaning of a refused token: expired, if its own end has passed.
    func refusal(
        _ words: String, _ lifetime: Lifetime?, prefix: String = ""
    ) -> DataPlaneFacts.CredentialsFact {
        guard let end = lifetime?.end, end.instant <= wallClock.now else {
            return .invalid(.tokenRejected, prefix + words)
        }
        return .invalid(.tokenExpired, "\(prefix)the token expired at \(end): \(words)")
    }
}
