/// What a cluster holds before anybody has asked for anything; its namespaces are `APIServer`'s to make.
enum Bootstrap {
    static func makeStore(_ options: DevCluster.Options) -> ObjectStore {
        let store = ObjectStore(clock: options.clock, historyLimit: options.historyLimit)
        BootstrapRoles.install(in: store)
        return store
    }
}
