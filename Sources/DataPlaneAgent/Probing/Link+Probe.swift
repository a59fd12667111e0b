import ControlLoop
import Fleet
import HTTP
import JSON
import Kube
import KubeObjects

extension Link {
    /// Asks whether the API server answers, which cluster it is and, if needed, for our user name, our rights and the
    /// served kinds.
    ///
    /// All questions go out at once over one connection. `/readyz` decides whether the connection works. The UID of
    /// `kube-system` decides whether it is still the same cluster. It also tells a rejected token from an accepted one,
    /// since `/readyz` may answer without a token.
    func probe(_ questions: ProbeQuestions) async -> ProbeResult {
        async let health = health()
        async let uid = clusterUID()
        async let details = details(questions.permissions)
        async let version = questions.asksVersion ? try? prober.version(isRateLimited: false).gitVersion : nil
        async let served = served(questions.apiVersions)
        var result: ProbeResult
        switch (await health, await uid) {
        // Another of several API servers may have answered `/readyz`. The other answer shows that the token is
        // accepted.
        case (.failed(.tokenRejected), .success(let uid)): result = ProbeResult(.succeeded, uid)
        case (.failed(.tokenRejected), .failure(let error)) where error.isForbidden: result = ProbeResult(.succeeded)
        case (.failed(let failure), _): result = ProbeResult(failure)
        case (_, .failure(let error)):
            // 403: it is the cluster, and we may not read the namespace. `Authorized` reports that.
            result = ProbeResult(error.isForbidden ? .succeeded : ProbeAnswer(error) ?? .succeeded)
        case (_, .success(let uid)): result = ProbeResult(.succeeded, uid)
        }
        if case .shuttingDown = await health { result.isShuttingDown = true }
        if case .failure(let error) = await uid { result.isClusterForbidden = error.isForbidden }
        if let details = await details {
            // Discovery may answer a token that authenticates nobody. Such a token is rejected.
            if let rejected = details.rejected, case .succeeded = result.answer { result.answer = rejected }
            result.identity = details.identity
            result.authorization = details.review?.authorization
            result.reviewed = details.review?.needs
        }
        result.kubernetesVersion = await version
        for (apiVersion, answer) in await served {
            switch answer {
            case .success(let types): result.served[apiVersion] = types
            case .failure(let error): result.unanswered[apiVersion] = error.description
            }
        }
        return result
    }

    /// The served kinds by group version, or why they could not be read. If the server of an aggregated API is away,
    /// only its own kinds suffer. All are asked at once, so that one that hangs takes no longer than one request may.
    private func served(_ apiVersions: Set<String>) async -> [String: Result<[ResourceType], KubeError>] {
        await withTaskGroup(of: (String, Result<[ResourceType], KubeError>).self) { group in
            for apiVersion in apiVersions { group.addTask { (apiVersion, await self.served(apiVersion)) } }
            var served: [String: Result<[ResourceType], KubeError>] = [:]
            for await (apiVersion, answer) in group { served[apiVersion] = answer }
            return served
        }
    }

    private func served(_ apiVersion: String) async -> Result<[ResourceType], KubeError> {
        let parts = apiVersion.split(separator: "/")
        let (group, version) = parts.count == 2 ? (String(parts[0]), String(parts[1])) : ("", apiVersion)
        do throws(KubeError) {
            let resources = try await prober.resources(group: group, version: version, isRateLimited: false)
            return .success((resources ?? []).map(\.type))
        } catch {
            return error.isForbidden ? .success([]) : .failure(error)
        }
    }

    private enum Health: Sendable {
        case well
        /// It still serves requests, but will end soon.
        case shuttingDown
        case failed(ProbeAnswer)
    }

    private func health() async -> Health {
        do throws(KubeError) {
            guard let failed = try await prober.failedHealth("/readyz") else { return .well }
            guard failed.error.status?.code == 404 else { return Self.health(failed) }
            return try await prober.failedHealth("/healthz").map { Self.health($0) } ?? .well
        } catch {
            return .failed(ProbeAnswer(error) ?? .failed(.serverError, error.description))
        }
    }

    /// An API server that was told to end fails only the check `shutdown`. It goes on serving until load balancers have
    /// noticed (`--shutdown-delay-duration`). Karmada once took that for an outage (its pull request 6277).
    private static func health(_ failed: FailedHealth) -> Health {
        if failed.error.isForbidden { return .well }  // an answer all the same
        if failed.error.status?.code == 500, failed.checks == ["shutdown"] { return .shuttingDown }
        return .failed(ProbeAnswer(failed.error) ?? .failed(.serverError, failed.error.description))
    }

    private func clusterUID() async -> Result<String, KubeError> {
        let answer = await askClusterUID()
        // One of several API servers may have an old key. An accepted token on the second try is proof enough.
        if case .failure(let error) = answer, error.isUnauthorized { return await askClusterUID() }
        return answer
    }

    private func askClusterUID() async -> Result<String, KubeError> {
        do throws(KubeError) {
            let answer = try await prober.get(Namespace.resourceType, name: "kube-system", metadataOnly: true)
            return .success(try Self.clusterUID(of: answer))
        } catch {
            return .failure(error)
        }
    }

    /// Bounds the UID, since a status could not be written with megabytes of it. Kubernetes' UIDs have 36 bytes.
    static func clusterUID(of kubeSystem: JSON) throws(KubeError) -> String {
        func unexpected(_ text: String) -> KubeError {
            KubeError(operation: "get namespaces/kube-system", cause: .unexpectedAnswer(text))
        }
        guard let uid = kubeSystem[path: ["metadata", "uid"]]?.string, !uid.isEmpty else {
            throw unexpected("an object without a UID")
        }
        guard uid.utf8.count <= 128 else { throw unexpected("an object whose UID has \(uid.utf8.count) bytes") }
        guard uid.utf8.isTokenText else { throw unexpected("an object whose UID has characters that a UID can't have") }
        return uid
    }

    private struct Details: Sendable {
        var identity: String?
        var review: Review?
        /// The API server answered `SelfSubjectReview` with a 401.
        var rejected: ProbeAnswer?
    }
    private struct Review: Sendable {
        var authorization: DataPlaneFacts.Authorization
        var needs: [Permission]
    }

    private func details(_ needs: (@Sendable () -> [Permission])?) async -> Details? {
        guard let needs else { return nil }
        async let identity = identity()
        async let review = review(needs)
        let (user, rejected) = await identity
        return await Details(identity: user, review: review, rejected: rejected)
    }

    /// Our user name, if the server gives it (from 1.28 on).
    private func identity() async -> (user: String?, rejected: ProbeAnswer?) {
        do throws(KubeError) {
            let answer = try await prober.review(SelfSubjectReview.resourceType, SelfSubjectReview.request)
            return (try? SelfSubjectReview(json: answer).username, nil)
        } catch {
            return (nil, error.isUnauthorized ? ProbeAnswer(error) : nil)
        }
    }

    /// Nil if there was no answer.
    private func review(_ needs: @Sendable () -> [Permission]) async -> Review? {
        // This namespace does not exist, so the answer lists only what is allowed in all namespaces.
        let question = SelfSubjectRulesReview.request(namespace: "squadron-permissions-of-all-namespaces")
        let answer: JSON
        do throws(KubeError) {
            answer = try await prober.review(SelfSubjectRulesReview.resourceType, question)
        } catch {
            // An account without `system:basic-user` may not ask for all its rules. It is asked about one right at a
            // time.
            guard error.isForbidden || error.isNotServed else { return nil }
            let needs = needs()
            return await review(each: needs, of: needs)
        }
        let needs = needs()
        switch RulesReview(json: answer).check(needs) {
        case .granted: return Review(authorization: .granted, needs: needs)
        case .missing(let missing): return Review(authorization: .missing(missing), needs: needs)
        case .undecided(let unclear): return await review(each: unclear, of: needs)
        }
    }

    private func review(each unclear: [Permission], of needs: [Permission]) async -> Review? {
        var missing: [Permission] = []
        for need in unclear {
            let attributes = SelfSubjectAccessReview.Attributes(
                verb: need.verb, group: need.group, resource: need.resource)
            do throws(KubeError) {
                let answer = try await prober.review(
                    SelfSubjectAccessReview.resourceType, SelfSubjectAccessReview.request(attributes))
                guard let review = try? SelfSubjectAccessReview(json: answer) else { return nil }
                if !review.isAllowed { missing.append(need) }
            } catch {
                // The account may not ask about its own rights. They become known from the requests that succeed.
                return error.isForbidden || error.isNotServed ? Review(authorization: .unsaid, needs: needs) : nil
            }
        }
        return Review(authorization: missing.isEmpty ? .granted : .missing(missing), needs: needs)
    }
}
