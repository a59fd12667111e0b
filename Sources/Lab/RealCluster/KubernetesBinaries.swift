import FoundationEssentials

/// The folder of `etcd`, `kube-apiserver` and perhaps `kube-controller-manager`, as envtest's `KUBEBUILDER_ASSETS` names it.
public struct KubernetesBinaries: Sendable, Hashable {
    public let etcd: String
    public let apiServer: String
    /// envtest's archives don't have it. Without it namespaces are never emptied, and ServiceAccounts and their tokens
    /// don't appear.
    public let controllerManager: String?

    /// - Throws: if one of the two required programs can't be run.
    public init(folder: String) throws(RealClusterError) {
        func program(_ name: String) -> String? {
            let path = folder + "/" + name
            return FileManager.default.isExecutableFile(atPath: path) ? path : nil
        }
        guard let etcd = program("etcd") else { throw .notFound("etcd", folder: folder) }
        guard let apiServer = program("kube-apiserver") else { throw .notFound("kube-apiserver", folder: folder) }
        self.etcd = etcd
        self.apiServer = apiServer
        controllerManager = program("kube-controller-manager")
    }

    /// Nil if `KUBEBUILDER_ASSETS` is unset or empty. A folder without the programs gives an error and not nil, so
    /// that a run that asks for real servers can't be green without them.
    public static func fromEnvironment() throws(RealClusterError) -> KubernetesBinaries? {
        try named(by: "KUBEBUILDER_ASSETS")
    }

    /// For data planes of another version than the control plane's: `KUBEBUILDER_ASSETS_DATA_PLANES` names their folder.
    /// Without it they have the control plane's.
    public static func ofDataPlanes() throws(RealClusterError) -> KubernetesBinaries? {
        if let binaries = try named(by: "KUBEBUILDER_ASSETS_DATA_PLANES") { return binaries }
        return try fromEnvironment()
    }

    private static func named(by variable: String) throws(RealClusterError) -> KubernetesBinaries? {
        guard let folder = ProcessInfo.processInfo.environment[variable], !folder.isEmpty else { return nil }
        return try KubernetesBinaries(folder: folder)
    }

    /// Whether `KUBEBUILDER_ASSETS` is set. For the condition of a test: `.enabled(if: KubernetesBinaries.areWanted)`.
    public static var areWanted: Bool { ProcessInfo.processInfo.environment["KUBEBUILDER_ASSETS"]?.isEmpty == false }

    /// Whether `KUBEBUILDER_ASSETS` has the controller manager too. If it names a wrong folder, this is true, so that
    /// the test runs and fails.
    public static var haveControllers: Bool {
        do { return try fromEnvironment()?.controllerManager != nil } catch { return true }
    }
}

/// Why there is no real cluster.
public enum RealClusterError: Error, Sendable, Hashable, CustomStringConvertible {
    case notFound(String, folder: String)
    /// `log` has the last lines of the program's output.
    case ended(program: String, log: String)
    case notReady(program: String, after: Duration, last: String, log: String)
    case system(call: String, code: Int32)
    case failed(String)

    public var description: String {
        switch self {
        case .notFound(let program, let folder): "KUBEBUILDER_ASSETS: no program \(program) in \(folder)"
        case .ended(let program, let log): "\(program) ended at once: \(log)"
        case .notReady(let program, let after, let last, let log):
            "\(program) did not get ready within \(after): \(last): \(log)"
        case .system(let call, let code): "\(call): error \(code)"
        case .failed(let message): message
        }
    }
}
