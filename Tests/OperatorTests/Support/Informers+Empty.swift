@testable import Operator

extension Informers {
    /// As after the first lists of the custom resources, which had none.
    func showNoCustomResources() {
        registries.apply(.replace([:]))
        dataPlanes.apply(.replace([:]))
        executionLabels.apply(.replace([:]))
        projects.apply(.replace([:]))
        assignments.apply(.replace([:]))
    }
}
