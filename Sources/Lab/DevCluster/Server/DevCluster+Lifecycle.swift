import JSON
import NIOCore
import Support

extension DevCluster {
    public var availability: Availability {
        state.withLock { state in
            switch state.phase {
            case .serving: .serving
            case .away(_, let how): how
            }
        }
    }

    /// Takes the server off the network, or puts it back on the same port. Data and controllers are not touched.
    public func setAvailability(_ wanted: Availability) async throws {
        guard wanted != availability else { return }
        if case .serving(let channel) = state.withLock({ $0.phase }) {
            try? await channel.close()
            await network.resetAll()
        }
        // A listening socket shares its port with no other, so it must go first. Sockets that are bound and do not
        // listen share the port, so the port is never free for others meanwhile.
        if case .away(_, .unanswering) = state.withLock({ $0.phase }) {
            state.withLock { $0.phase = .away(nil, .refusing) }
        }
        let held = try ServerSocket.refusing(port: port)
        state.withLock { $0.phase = .away(held, .refusing) }
        switch wanted {
        case .refusing: break
        case .serving:
            let channel = try await Listener.open(
                port: port, core: core, link: network, identity: identity, limits: options.limits)
            state.withLock { $0.phase = .serving(channel) }
        case .unanswering:
            let socket = try ServerSocket.unanswering(port: port)
            state.withLock { $0.phase = .away(socket, .unanswering) }
        }
    }

    /// Stops the server: connections are reset, the port refuses, the controllers rest. `restart` brings it back.
    public func stop() async {
        let controllers = state.withLock { state in
            state.isStopped = true
            defer { state.controllers = nil }
            return state.controllers
        }
        controllers?.cancel()
        try? await setAvailability(.refusing)
        await controllers?.value
    }

    /// Stops if necessary and serves again, on the same port with the same authority and users.
    ///
    /// Without data it is like a fresh installation: it has other UIDs, and neither ServiceAccounts nor their tokens.
    public func restart(keepingData: Bool = true) async throws {
        if state.withLock({ !$0.isStopped }) { await stop() }
        if !keepingData { core.serve(Bootstrap.makeStore(options), options) }
        startControllers()
        try await setAvailability(.serving)
    }

    /// From now on it answers as another cluster on this endpoint: `kube-system` has the given UID, or a new one. Users
    /// and data stay.
    public func becomeAnotherCluster(uid: String? = nil) {
        let uid = uid ?? Identifiers.uuid()
        _ = try? store.update(.namespaces, name: "kube-system") { namespace in
            namespace[path: ["metadata", "uid"]] = .string(uid)
            return true
        }
    }

    /// The UID of `kube-system`, which identifies the cluster.
    public var uid: String { store.get(.namespaces, name: "kube-system")?["metadata"]?["uid"]?.string ?? "" }

    /// Forgets the history. Older watches and continue tokens get 410. Open watches go on.
    public func compact() { store.compact() }

    /// Goes back to an older state, as a restore of etcd does. The server is away meanwhile, so that no client goes on
    /// from an older answer. resourceVersions go back.
    public func restore(_ snapshot: StoreSnapshot) async throws {
        try await setAvailability(.refusing)
        store.restore(snapshot)
        core.authorizer.policies.invalidate()
        try await setAvailability(.serving)
    }

    /// - Parameter newAuthority: with a new certificate authority, which `caPEM` and new kubeconfigs show.
    /// - Parameter resettingConnections: open ones otherwise live on with the old certificate.
    public func rotateCertificate(
        newAuthority: Bool = false, fault: CertificateFault? = nil, resettingConnections: Bool = true
    ) async throws {
        try identity.rotate(newAuthority: newAuthority, fault: fault)
        if newAuthority, options.controllers.publishesRootCA {
            RootCAPublisher(store: store, authorityPEM: core.authorityPEM).republish()
        }
        if resettingConnections { await network.resetAll() }
    }

    /// Cuts every open connection.
    public func resetConnections() async { await network.resetAll() }

    /// How open watches are to end.
    public enum WatchEnding: String, Sendable, Hashable {
        case inOrder = "in-order"
        /// With an ERROR event: 410.
        case gone
        /// With a reset of their connections.
        case reset
    }

    /// - Returns: how many open watches match.
    @discardableResult
    public func endWatches(_ ending: WatchEnding = .inOrder, match: FaultRule.Match = FaultRule.Match()) -> Int {
        let order: OpenWatches.Ending =
            switch ending {
            case .inOrder: .inOrder
            case .gone: .gone
            case .reset: .reset
            }
        return core.watches.end(order, match: match)
    }

    /// By how much the server's clock is ahead when it looks at the dates of tokens.
    public var clockSkew: Duration {
        get { core.authenticator.skew }
        set { core.authenticator.skew = newValue }
    }

    func startControllers() {
        let api = core.api()
        let controllers = SystemControllers(
            store: api.store, configuration: options.controllers, signer: core.authenticator.signer,
            authorityPEM: core.authorityPEM, timer: options.timer)
        // The task is unstructured, since it lives from `start` to `stop`, which cancels it and waits for it.
        let task = Task {
            await withDiscardingTaskGroup { group in
                group.addTask { await api.run() }
                group.addTask { await controllers.run() }
            }
        }
        state.withLock { state in
            state.controllers = task
            state.isStopped = false
        }
    }
}
