import DataPlaneAgent
import Fleet
import Support

extension CredentialsReader {
    /// What to find out about Flyte in a data plane. Nil if the registry does not ask for it.
    func flyteQuestion(
        of object: DataPlane, _ plan: PlanInForce, _ facts: CredentialsFacts
    ) -> FlyteHealthQuestion? {
        let settings = plan.spec.flyteHealth
        guard settings.enabled else { return nil }
        return FlyteHealthQuestion(settings: settings, account: flyteAccount(of: object, facts))
    }

    /// flyteadmin's own entries of `cluster-credentials`. Their token is sent only to the server that their own CA
    /// verifies, and never if the Secret's rules forbid it.
    private func flyteAccount(of object: DataPlane, _ facts: CredentialsFacts) -> FlyteHealthQuestion.Account {
        if object.spec.inCluster { return .notOurs }
        let entries = PublishedCredentials(of: object)
        switch informers.credentials(entries.place, now: wallClock.now) {
        case nil: return .unknown
        case .invalid(let reason, let message)?: return .unusable("\(reason.rawValue): \(message)")
        case .valid(let credentials)?:
            var connection = object.spec.connection
            // The name is that of another server.
            if entries.endpoint != object.spec.endpoint { connection.tlsServerName = "" }
            var link = LinkConfiguration(
                server: .url(entries.endpoint), token: credentials.token, ca: credentials.ca, connection: connection)
            link.proxyLogin = facts.proxyLogin
            return .entry(link)
        }
    }
}
