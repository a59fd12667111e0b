import Console
import Fleet
import Kube
import KubeObjects
import Operator

extension FlyteAdminReach {
    /// The Secrets, as far as the user may read them.
    static func secrets(_ names: Set<String>, _ reader: ControlPlaneReader) async -> [String: SecretReading] {
        var secrets: [String: SecretReading] = [:]
        for name in names.sorted() {
            do throws(KubeError) {
                let secret = try await reader.client.get(Secret.self, namespace: reader.namespace, name: name)
                secrets[name] = .present(SecretContent(secret))
            } catch {
                secrets[name] = error.isNotFound ? .absent : .unreadable(error.detail)
            }
        }
        return secrets
    }
}

extension FlyteAdminQuestions {
    /// Asks flyteadmin with the Secrets that the user may read.
    static func asking(_ reader: ControlPlaneReader) -> FlyteAdminQuestions {
        FlyteAdminQuestions { settings in
            let secrets = await FlyteAdminReach.secrets(FlyteAdminReach.secretNames(settings), reader)
            do throws(FlyteAdminReach.Refusal) {
                let reach = try FlyteAdminReach(settings, secrets: secrets, userAgent: SquadronVersion.userAgent)
                return await reach.content(settings)
            } catch {
                return FlyteAdminContent(problem: error.message)
            }
        }
    }
}
