import KubeObjects
import Support

/// What is known of a Secret of the control plane, or of those that a selector matches.
public enum SecretReading<Content: Sendable>: Sendable {
    case unknown
    case absent
    case present(Content)
    /// The text says why.
    case unreadable(String)
}

/// A Secret with the label `use: replicate`, and all its labels that a selector may match.
public struct LabelledSecret: Sendable {
    public var content: SecretContent
    public var labels: [String: String]

    public init(content: SecretContent, labels: [String: String]) {
        self.content = content
        self.labels = labels
    }
}

/// The Secrets that are copied into every project-domain's namespace of each data plane (`spec.replicateSecrets`).
public struct ReplicatedSecrets: Sendable, Hashable {
    /// The most Secrets that are copied, and their most bytes. The first in the alphabet come first.
    public static let most = 64
    static let mostBytes = 16 << 20

    /// In the order of their names.
    public private(set) var contents: [ReplicatedContent] = []
    /// Why a named Secret must not be copied.
    public private(set) var refusals: [String] = []
    /// Other problems that prevent a copy.
    public private(set) var problems: [String] = []
    /// A Secret has not been read yet.
    public private(set) var isPending = false

    public static let none = ReplicatedSecrets()
    private init() {}

    /// Whether all wanted Secrets are known, so that a copy of any other Secret is surplus.
    public var isComplete: Bool { !isPending && refusals.isEmpty && problems.isEmpty }

    /// - Parameters:
    ///   - named: reads a Secret by its name.
    ///   - labelled: all Secrets with the label. Unknown while no selector asks for them.
    ///   - credentials: the Secrets that DataPlanes name for their credentials.
    ///   - previous: the earlier result. An unchanged Secret keeps its memory.
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

    /// Why that Secret is never copied, whatever names it. No message contains a byte of a value.
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
    /// - Parameter labels: the labels of all our objects there.
    convenience init(copy: ReplicatedContent, in namespace: String, labels: [String: String]) {
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

    /// The name of a copy in failures.
    public static func description(ofCopy name: String) -> String { "\(Secret.resourceType)/\(name)" }
}

/// How many copies are wanted in all data planes, and how many of them are in place.
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
