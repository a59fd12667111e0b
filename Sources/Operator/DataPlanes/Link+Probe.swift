import ControlLoop
import Fleet
import HTTP
import JSON
import Kube
import KubeObjects

extension Link {
    /// Asks whether the API server is there, which cluster it is and, where that is a question, who we are, what we may
    /// do and what is served.
    ///
    /// The questions go out at once, over one connection. `/readyz` decides whether the way is fine; the UID of
    /// `kube-system` decides whether it is still the same cluster, and tells a rejected token from an accepted one
    /// (`/readyz` may answer anybody).
    func probe(_ questions: ProbeQuestions) async -> ProbeResult {
        async let health = health()
        async let uid = clusterUID()
        async let details = details(questions.permissions)
        async let version = questions.asksVersion ? try? prober.version(isRateLimited: false).gitVersion : nil
        async let served = served(questions.apiVersions)
        var result: ProbeResult
        switch (await health, await uid) {
        case (.some(let failure), _): result = ProbeResult(failure)
        case (nil, .failure(let error)):
            // 403: it is the cluster, and says that we may not look. That is for `Authorized` to tell.
            result = ProbeResult(error.isForbidden ? .succeeded : ProbeAnswer(error) ?? .succeeded)
        case (nil, .success(let uid)):
            result = ProbeResult(.succeeded)
            result.clusterUID = uid
        }
        if let details = await details {
            // A token that may look but is nobody's is no token to go on with.
            if let rejected = details.rejected, case .succeeded = result.answer { result.answer = rejected }
            result.identity = details.identity
            result.authorization = details.authorization?.verdict
            result.reviewed = details.authorization?.needs
        }
        result.kubernetesVersion = await version
        result.served = await served
        return result
    }

    /// A group version for which there was no answer at all is left out: it is asked for again.
    private func served(_ apiVersions: Set<String>) async -> [String: [ResourceType]] {
        var served: [String: [ResourceType]] = [:]
        for apiVersion in apiVersions.sorted() {
            let parts = apiVersion.split(separator: "/")
            let (group, version) = parts.count == 2 ? (String(parts[0]), String(parts[1])) : ("", apiVersion)
            do throws(KubeError) {
                let resources = try await prober.resources(group: group, version: version, isRateLimited: false)
                served[apiVersion] = (resources ?? []).map(\.type)
            } catch {
                if error.isForbidden { served[apiVersion] = [] }
            }
        }
        return served
    }

    private func health() async -> ProbeAnswer? {
        do throws(KubeError) {
            do throws(KubeError) {
                _ = try await prober.text("/readyz", isRateLimited: false)
            } catch {
                guard error.status?.code == 404 else { throw error }
                _ = try await prober.text("/healthz", isRateLimited: false)
            }
            return nil
        } catch {
            if error.isForbidden { return nil }  // an answer all the same
            return ProbeAnswer(error) ?? .failed(.serverError, error.description)
        }
    }

    private func clusterUID() async -> Result<String, KubeError> {
        do throws(KubeError) {
            let answer = try await prober.get(Namespace.resourceType, name: "kube-system", metadataOnly: true)
            return .success(try Self.clusterUID(of: answer))
        } catch {
            return .failure(error)
        }
    }

    /// It goes into a status, which could not be written with one of megabytes. Kubernetes's have 36 bytes.
    static func clusterUID(of kubeSystem: JSON) throws(KubeError) -> String {
        func unexpected(_ text: String) -> KubeError {
            KubeError(operation: "get namespaces/kube-system", cause: .unexpectedAnswer(text))
        }
        guard let uid = kubeSystem[path: ["metadata", "uid"]]?.string, !uid.isEmpty else {
            throw unexpected("an object without a UID")
        }
        guard uid.utf8.count <= 128 else { throw unexpected("an object whose UID has \(uid.utf8.count) bytes") }
        return uid
    }

    private struct Details: Sendable {
        var identity: String?
        var authorization: Review?
        /// `SelfSubjectReview` was answered with a 401.
        var rejected: ProbeAnswer?
    }
    private struct Review: Sendable {
        var verdict: DataPlaneObservation.Authorization
        var needs: [Permission]
    }

    private func details(_ needs: (@Sendable () -> [Permission])?) async -> Details? {
        guard let needs else { return nil }
        async let identity = identity()
        async let authorization = authorization(needs)
        let (user, rejected) = await identity
        return await Details(identity: user, authorization: authorization, rejected: rejected)
    }

    /// Who we are, as far as the server says so (it does from 1.28 on).
    private func identity() async -> (user: String?, rejected: ProbeAnswer?) {
        do throws(KubeError) {
            let answer = try await prober.review(SelfSubjectReview.resourceType, SelfSubjectReview.request)
            return (try? SelfSubjectReview(json: answer).username, nil)
        } catch {
            return (nil, error.isUnauthorized ? ProbeAnswer(error) : nil)
        }
    }

    /// Nil where nobody would say.
    private func authorization(_ needs: @Sendable () -> [Permission]) async -> Review? {
        // For a namespace that nobody has: only what is allowed everywhere is listed then.
        let question = SelfSubjectRulesReview.request(namespace: "squadron-permissions-of-all-namespaces")
        guard let answer = try? await prober.review(SelfSubjectRulesReview.resourceType, question) else { return nil }
        let needs = needs()
        switch RulesReview(json: answer).check(needs) {
        case .granted: return Review(verdict: .granted, needs: needs)
        case .missing(let missing): return Review(verdict: .missing(missing), needs: needs)
        case .undecided(let unclear):
            var missing: [Permission] = []
            for need in unclear {
                let attributes = SelfSubjectAccessReview.Attributes(
                    verb: need.verb, group: need.group, resource: need.resource)
                guard
                    let answer = try? await prober.review(
                        SelfSubjectAccessReview.resourceType, SelfSubjectAccessReview.request(attributes)),
                    let review = try? SelfSubjectAccessReview(json: answer)
                else { return nil }
                if !review.isAllowed { missing.append(need) }
            }
            return Review(verdict: missing.isEmpty ? .granted : .missing(missing), needs: needs)
        }
    }
}
