import KubeObjects
import Support

/// What is known of a Secret of the control plane, or of those that a selector is for.
public enum SecretReading<Content: Sendable>: Sendable {
    case unknown
    case absent
    case present(Content)
    /// Why it can't be read.
    case unreadable(String)
}

/// A Secret that has the label `use: replicate`, with all labels that a selector may ask for.
public struct LabelledSecret: Sendable {
    public var content: SecretContent
    public var labels: [String: String]

    public init(content: SecretContent, labels: [String: String]) {
        self.content = content
        self.labels = labels
    }
}

/// The Secrets that go into every project-domain's namespace of each data plane (`spec.replicateSecrets`).
public struct ReplicatedSecrets: Sendable, Hashable {
    /// So many are copied, with so many bytes: the first in the alphabet.
    public static let most = 64
    static let mostBytes = 16 << 20

    /// By name.
    public private(set) var contents: [ReplicatedContent] = []
    /// Why a Secret that is named must not be copied.
    public private(set) var refusals: [String] = []
    /// What else keeps one from being copied.
    public private(set) var problems: [String] = []
    /// Something has not been read yet.
    public private(set) var isPending = false

    public static let none = ReplicatedSecrets()
    private init() {}

    /// Whether a copy of a Secret that is not among `contents` is one too many.
    public var isComplete: Bool { !isPending && refusals.isEmpty && problems.isEmpty }

    /// - Parameters:
    ///   - named: what is known of a Secret by its name.
    ///   - labelled: all that have the label; nil while no selector asks for them.
    ///   - credentials: the Secrets that DataPlanes name for their credentials.
    ///   - previous: what was known before; a Secret that is the same is not copied in memory again.
    public init(
        _ entries: [SecretReplication], named: (String) -> SecretReading<SecretContent>,
        labelled: SecretReading<[String: LabelledSecret]>, credentials: Set<String>,
        previous: ReplicatedSecrets = .none
    ) {
        var found: [String: SecretContent] = [:]
        for name in Set(entries.map(\.name)).subtracting([""]).sorted() {
            switch named(name) {
            case .unknown: isPending = true
            case .absent: problems.append("Secret \(name) does not exist")
            case .unreadable(let why): problems.append("Secret \(name) can't be read: \(why)")
            case .present(let content): found[name] = content
            }
        }
        let selectors = entries.compactMap(\.selector)
        if !selectors.isEmpty {
            switch labelled {
            case .unknown: isPending = true
            case .absent: break
            case .unreadable(let why):
                problems.append(
                    "the Secrets of the selector can't be listed: \(why); manifests/components/replicate-secrets-selector "
                        + "grants it")
            case .present(let all):
                for (name, secret) in all where selectors.contains(where: { $0.matches(secret.labels) }) {
                    found[name] = found[name] ?? secret.content
                }
            }
        }
        let before = Dictionary(previous.contents.map { ($0.name, $0) }) { first, _ in first }
        var size = 0
        for (name, secret) in found.sorted(by: { $0.key < $1.key }) {
            if let refusal = Self.refusal(of: secret, named: name, credentials) {
                refusals.append(refusal)
                continue
            }
            let known = before[name].flatMap { $0.holds(secret) ? $0 : nil }
            let content = known ?? ReplicatedContent(name: name, secret)
            size += content.size
            guard contents.count < Self.most, size <= Self.mostBytes else {
                problems.append(
                    "Secret \(name) and those after it are left out: at most \(Self.most) Secrets of \(Self.mostBytes >> 20) "
                        + "MiB in all are copied")
                break
            }
            contents.append(content)
        }
    }

    /// Why that Secret is not copied, whatever names it. No message has a byte of a value.
    private static func refusal(of secret: SecretContent, named name: String, _ credentials: Set<String>) -> String? {
        if credentials.contains(name) || SecretRules.credentialsSecrets.contains(name) {
            return "Secret \(name) holds credentials of data planes: it is never replicated"
        }
        if secret.type == "kubernetes.io/service-account-token" {
            return "Secret \(name) is a token of an account of the control plane: it is never replicated"
        }
        return SecretRules.problem(secret, named: name, as: .replicate)
    }
}

extension DesiredObject {
    /// A copy of a Secret.
    /// - Parameter labels: those that everything of ours has there.
    init(copy: ReplicatedContent, in namespace: String, labels: [String: String]) {
        self.init(
            type: Secret.resourceType, namespace: namespace, name: copy.name,
            json: [
                "apiVersion": "v1", "kind": "Secret",
                "metadata": [
                    "name": .string(copy.name), "namespace": .string(namespace),
                    "labels": .object(labels.mapValues { .string($0) }),
                    "annotations": [Ownership.appliedHashAnnotation: .string(copy.digest)],
                ],
                "type": .string(copy.type), "data": copy.keys,
            ], copied: copy)
    }

    /// In the names of failures.
    public static func description(ofCopy name: String) -> String { "\(Secret.resourceType)/\(name)" }
}

/// How many copies there are to be in all data planes, and how many are there as they should be.
public struct ReplicationCounts: Sendable, Hashable, Codable {
    public var desired: Int
    public var synced: Int
    public init(desired: Int, synced: Int) {
        self.desired = desired
        self.synced = synced
    }
    public static func + (left: ReplicationCounts, right: ReplicationCounts) -> ReplicationCounts {
        ReplicationCounts(desired: left.desired + right.desired, synced: left.synced + right.synced)
    }
}
