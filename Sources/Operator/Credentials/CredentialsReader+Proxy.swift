import DataPlaneAgent
import Fleet
import HTTP

extension CredentialsReader {
    /// The credentials of a DataPlane, together with the login for its proxy.
    func read(_ object: DataPlane) -> CredentialsFacts {
        var facts = withoutProxy(object)
        guard !object.spec.inCluster, let reference = object.spec.connection.proxyCredentialsRef else { return facts }
        let content: SecretContent?
        switch informers.secrets[reference.name] {
        case .unknown:
            facts.state = .unknown("Secret \(reference.name) is not read yet")
            return facts
        case .unreadable(let why):
            facts.state = .invalid(.secretNotFound, "Secret \(reference.name) can't be read: \(why)")
            return facts
        case .absent: content = nil
        case .present(let found): content = found
        }
        switch ProxyCredentials.read(reference, in: content, for: object.spec.connection.proxyURL) {
        case .failure(let problem): facts.state = .invalid(problem.reason, problem.message)
        case .success(let found): facts.proxyLogin = ProxyLogin(user: found.user, password: found.password)
        }
        return facts
    }
}
