import ControlLoop
import Fleet
import HTTP
import JSON
import Kube
import KubeObjects
import Support

/// What an agent asks about Flyte in its data plane.
package struct FlyteHealthQuestion: Sendable, Hashable {
    /// flyteadmin's own credential for the data plane.
    package enum Account: Sendable, Hashable {
        case unknown
        /// flyteadmin runs there, with an account whose token Squadron does not have.
        case notOurs
        /// Nothing may be sent. The text says why.
        case unusable(String)
        case entry(LinkConfiguration)
    }
    package var settings: FlyteHealthSettings
    package var account: Account

    package init(settings: FlyteHealthSettings, account: Account) {
        self.settings = settings
        self.account = account
    }
}

/// Finds out whether a workflow would run in one data plane. It watches propeller's Deployment. At each review it also
/// asks whether the kind is served, and asks with flyteadmin's own token whether that account may create it.
///
/// It sends that token only over a connection that the CA of the same entry verifies. It uses the agent's connection
/// if server and CA are the same, else one that it closes after the answer.
final class FlyteHealthCheck: Sendable {
    private struct State {
        var question: FlyteHealthQuestion?
        var health = FlyteHealth()
        /// Questions about flyteadmin's account without an answer, in a row.
        var misses = 0
    }
    private let name: String
    private let context: AgentContext
    private let state = Locked(State())
    private let wake = Signal()
    private let watch = Locked<PropellerWatch?>(nil)
    private let watches = ChildTasks<PropellerWatch>()
    private let isOpen = Locked(false)

    init(name: String, context: AgentContext) {
        self.name = name
        self.context = context
    }

    /// Nil if the registry does not ask for it.
    var health: FlyteHealth? { state.withLock { $0.question == nil ? nil : $0.health } }

    /// Takes a new question, or none. Findings for an unchanged part stay.
    func follow(_ question: FlyteHealthQuestion?, for agent: Agent) {
        let before = state.withLock { state in
            let before = state.question
            state.question = question
            if before?.account != question?.account { (state.health.account, state.misses) = (.unknown, 0) }
            if before?.settings != question?.settings { state.health.propeller = .unknown }
            if question == nil { state.health = FlyteHealth() }
            return before
        }
        if before?.settings != question?.settings { follow(question?.settings, agent) }
        if before != question { wake.advance() }
    }

    private func follow(_ settings: FlyteHealthSettings?, _ agent: Agent) {
        let new = settings.map { settings in
            PropellerWatch(settings, agent) { [weak self] in self?.found(propeller: $0, at: settings) }
        }
        let old = watch.withLock { watch in
            defer { watch = new }
            return watch
        }
        old?.stop()
        guard let new else { return }
        new.open(isOpen.withLock { $0 })
        watches.start(new)
    }

    /// Sets whether requests may be sent.
    func open(_ mayRead: Bool) {
        let isNews = isOpen.withLock { isOpen in
            defer { isOpen = mayRead }
            return isOpen != mayRead
        }
        guard isNews else { return }
        watch.withLock { $0 }?.open(mayRead)
        if mayRead { wake.advance() }
    }

    /// Somebody waits for the result.
    func lookAgain() { wake.advance() }

    func run(for agent: Agent) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.watches.run { await $0.run() } }
            while !Task.isCancelled {
                let seen = wake.generation
                await look(agent)
                let interval = context.settings.breaker.probeInterval
                guard let health else {
                    await wake.wait(past: seen)
                    continue
                }
                // A bad result is checked again as often as missing rights are.
                let pause = health.isGood ? max(interval, ProbeAgenda.checkup) : interval
                let timeline = context.timeline
                await wake.wait(past: seen, until: timeline.now + pause, on: timeline)
            }
            group.cancelAll()
        }
    }

    private func look(_ agent: Agent) async {
        guard let question = state.withLock({ $0.question }), let link = agent.readableLink else { return }
        async let served = served(link)
        async let account = account(question.account, link, agent)
        let (workflows, found) = await (served, account)
        if Task.isCancelled { return }
        change { state in
            if let workflows { state.health.workflows = workflows }
            guard state.question?.account == question.account else { return }
            switch found {
            case .answer(let account): (state.health.account, state.misses) = (account, 0)
            case .none(let reason, let why):
                state.misses = min(state.misses + 1, 2)
                // One miss may be a short trouble, so the former finding stays.
                if state.misses > 1 { state.health.account = .unreachable(reason, why) }
            }
        }
    }

    private func found(propeller: FlyteHealth.Propeller, at settings: FlyteHealthSettings) {
        change { state in
            if state.question?.settings == settings { state.health.propeller = propeller }
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let differs = state.withLock { state in
            let before = state.health
            body(&state)
            return before != state.health
        }
        if differs { context.changed(name, .facts) }
    }

    /// Nil if there was no answer.
    private func served(_ link: Link) async -> FlyteHealth.Workflows? {
        do throws(KubeError) {
            let kinds = try await link.prober.resources(
                group: FlyteHealth.workflowGroup, version: FlyteHealth.workflowVersion, isRateLimited: false)
            return (kinds ?? []).contains { $0.type.plural == FlyteHealth.workflowResource } ? .served : .missing
        } catch {
            return nil
        }
    }

    private enum Found: Sendable {
        case answer(FlyteHealth.Account)
        case none(ReachableReason, String)
    }

    private func account(
        _ account: FlyteHealthQuestion.Account, _ link: Link, _ agent: Agent
    ) async -> Found {
        switch account {
        case .unknown: return .answer(.unknown)
        case .notOurs: return .answer(.notOurs)
        case .unusable(let why): return .answer(.rejected(why))
        case .entry(let configuration):
            guard let token = configuration.token else { return .answer(.unknown) }
            if configuration.sharesConnection(with: link.configuration) {
                return await ask(link.prober.authorized(by: StaticToken(token)), agent)
            }
            let own = context.connect(configuration)
            defer { own.close() }
            return await ask(own.prober, agent)
        }
    }

    private func ask(_ client: KubeClient, _ agent: Agent) async -> Found {
        do throws(KubeError) {
            if try await mayCreate(client, in: nil) { return .answer(.granted("everywhere")) }
            // A RoleBinding in each namespace, which a template can make, is enough.
            if let namespace = agent.currentPlan.namespaces.keys.min(), try await mayCreate(client, in: namespace) {
                return .answer(.granted("in \(namespace)"))
            }
            return .answer(.forbidden("it may not create \(FlyteHealth.workflowResource) in all namespaces"))
        } catch {
            if error.isUnauthorized { return .answer(.rejected(ProbeAnswer(error)?.text ?? error.description)) }
            if error.isForbidden || error.isNotServed { return .answer(.unsaid(error.description)) }
            guard case .failed(let reason, let text)? = ProbeAnswer(error) else {
                return .none(.serverError, error.description)
            }
            return .none(reason, text)
        }
    }

    private func mayCreate(_ client: KubeClient, in namespace: String?) async throws(KubeError) -> Bool {
        let question = SelfSubjectAccessReview.request(
            .init(
                verb: "create", group: FlyteHealth.workflowGroup, resource: FlyteHealth.workflowResource,
                namespace: namespace))
        let answer: JSON
        do throws(KubeError) {
            answer = try await client.review(SelfSubjectAccessReview.resourceType, question)
        } catch {
            // One of several API servers may have an old key.
            guard error.isUnauthorized else { throw error }
            answer = try await client.review(SelfSubjectAccessReview.resourceType, question)
        }
        do {
            return try SelfSubjectAccessReview(json: answer).isAllowed
        } catch {
            throw KubeError(operation: "SelfSubjectAccessReview", cause: .unexpectedAnswer("\(error)"))
        }
    }
}

extension LinkConfiguration {
    /// Whether the two differ in nothing but the token or its source.
    func sharesConnection(with other: LinkConfiguration) -> Bool {
        var (mine, theirs) = (self, other)
        (mine.token, mine.source) = (nil, nil)
        (theirs.token, theirs.source) = (nil, nil)
        return mine == theirs
    }
}
