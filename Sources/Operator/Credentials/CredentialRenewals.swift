import DataPlaneAgent
import Fleet
import KubeObjects
import TokenSources

/// Finds or makes the source that renews a data plane's token, and reports what happens to that token.
struct CredentialRenewals: Sendable {
    let sources: CredentialSources
    let pool: AgentPool
    let plans: PlanUpdater
    let router: EventRouter
    let events: any EventPublisher

    /// The agent's source if it was made for these settings, or a new one.
    ///
    /// - Parameter first: the token that it begins with.
    func source(of object: DataPlane, first: RenewedCredentials) -> SourceReference {
        let agent = pool[object.metadata.name, AgentSubject(object)]
        let settings = SourceSettings(
            endpoint: object.endpointDescription, clusterName: object.clusterName, credentials: object.spec.credentials)
        let reference = agent?.source.flatMap { $0.settings == settings ? $0 : nil } ?? make(settings, for: object)
        if reference.source.seed(first.first, first.firstLifetime) { agent?.tokenChanged() }
        return reference
    }

    private func make(_ settings: SourceSettings, for object: DataPlane) -> SourceReference {
        // The pool holds the source, by the agent.
        sources.source(
            for: settings, isPublished: { [plans] in Self.publishes(object, plans.inForce) },
            isHeld: { [plans] in plans.inForce?.mayWrite != true },
            tell: { [weak pool, router, events] news in
                guard let pool else { return }
                Self.tell(news, of: object.metadata, pool, events)
                router.dataPlaneChanged(object.metadata.name)
            })
    }

    /// Whether flyteadmin reads the Secret's token. flyteadmin reads a token once, so a newer one is of no use to it.
    private static func publishes(_ object: DataPlane, _ plan: PlanInForce?) -> Bool {
        let isShared = object.spec.credentials.secretName == PublishedCredentials.secretName
        return isShared && plan.map { $0.spec.publish?.clustersConfigMap != nil } ?? true
    }

    private static func tell(
        _ news: RenewingCredential.News, of metadata: ObjectMeta, _ pool: AgentPool, _ events: any EventPublisher
    ) {
        func event(_ reason: String, _ note: String) {
            events.publish(
                regarding: metadata, type: .dataPlanes, isWarning: true, reason: reason, action: "Renew", note: note)
        }
        switch news {
        case .renewed: pool.renewed(metadata.name, .succeeded)
        case .failed(let why, let isNews):
            pool.renewed(metadata.name, .failed)
            if isNews { event("CredentialsRenewalFailed", why) }
        case .notWrittenBack(let why): event("CredentialsNotWrittenBack", why)
        case .changed: pool[metadata.name]?.tokenChanged()
        }
    }
}
