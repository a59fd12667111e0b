/// The objects of a cluster before the first request. `APIServer` makes its namespaces.
enum Bootstrap {
    static func makeStore(_ options: DevCluster.Options) -> ObjectStore {
        let store = ObjectStore(clock: options.clock, historyLimit: options.historyLimit)
        BootstrapRoles.install(in: store)
        return store
    }
}
