import DataPlaneAgent
import Fleet
import HTTP

extension CredentialsReader {
    /// The credentials of a DataPlane, together with the login for its proxy.
    func read(_ object: DataPlane) -> CredentialsLook {
        var look = withoutProxy(object)
        guard !object.spec.inCluster, let reference = object.spec.connection.proxyCredentialsRef else { return look }
        let content: SecretContent?
        switch caches.secrets[reference.name] {
        case .unknown:
            look.verdict = .unknown("Secret \(reference.name) is not read yet")
            return look
        case .unreadable(let why):
            look.verdict = .invalid(.secretNotFound, "Secret \(reference.name) can't be read: \(why)")
            return look
        case .absent: content = nil
        case .present(let found): content = found
        }
        switch ProxyCredentials.read(reference, in: content, for: object.spec.connection.proxyURL) {
        case .failure(let problem): look.verdict = .invalid(problem.reason, problem.message)
        case .success(let found): look.proxyLogin = ProxyLogin(user: found.user, password: found.password)
        }
        return look
    }
}
