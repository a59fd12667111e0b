import JSON
import Support

/// `v1` ConfigMap.
public struct ConfigMap: KubeResource, Hashable, Encodable {
    public static let resourceType = ResourceType(
        version: "v1", kind: "ConfigMap", plural: "configmaps", isNamespaced: true)

    public var metadata: ObjectMeta
    /// What is text in `data` and `binaryData`: a pod that mounts the ConfigMap has both as files.
    public var data: [String: String]

    public init(metadata: ObjectMeta, data: [String: String]) {
        self.metadata = metadata
        self.data = data
    }

    public init(json: JSON) throws(DecodingFailure) {
        let fields = try Fields(json)
        var data = try fields.stringMap("data") ?? [:]
        for (key, value) in json["binaryData"]?.object ?? [:] where data[key] == nil {
            guard let bytes = value.string.flatMap({ Base64.decode($0) }) else { continue }
            data[key] = String(validating: bytes, as: UTF8.self)
        }
        self.init(metadata: try fields.metadata(), data: data)
    }
}

/// `v1` Namespace.
public struct Namespace: KubeResource, Hashable {
    public static let resourceType = ResourceType(
        version: "v1", kind: "Namespace", plural: "namespaces", isNamespaced: false)

    public var metadata: ObjectMeta
    /// `Active`, `Terminating`.
    public var phase: String?
    /// Why a deletion does not end: `NamespaceContentRemaining`, `NamespaceFinalizersRemaining`, …
    public var conditions: [Condition]

    public init(metadata: ObjectMeta, phase: String? = nil, conditions: [Condition] = []) {
        self.metadata = metadata
        self.phase = phase
        self.conditions = conditions
    }

    /// Leaves out a condition that can't be read, since conditions only explain.
    public init(json: JSON) throws(DecodingFailure) {
        let fields = try Fields(json)
        let status = fields["status"]
        self.init(
            metadata: try fields.metadata(), phase: status?["phase"]?.string,
            conditions: status?["conditions"]?.array?.compactMap(Condition.init(lenient:)) ?? [])
    }

    /// Whether it is being deleted. Then nothing can be created in it.
    public var isTerminating: Bool { metadata.deletionTimestamp != nil || phase == "Terminating" }
}

/// `v1` ServiceAccount. Only its metadata is read and written.
public struct ServiceAccount: KubeResource, Hashable {
    public static let resourceType = ResourceType(
        version: "v1", kind: "ServiceAccount", plural: "serviceaccounts", isNamespaced: true)

    public var metadata: ObjectMeta

    public init(metadata: ObjectMeta) { self.metadata = metadata }
    public init(json: JSON) throws(DecodingFailure) { metadata = try Fields(json).metadata() }
}

extension Condition {
    /// Nil if the type, the status or the time can't be read. Other fields that can't be read are empty.
    package init?(lenient json: JSON) {
        guard let type = json["type"]?.string, let status = json["status"]?.string.flatMap(Status.init(rawValue:))
        else {
            return nil
        }
        guard let time = json["lastTransitionTime"]?.string.flatMap({ Timestamp($0) }) else { return nil }
        self.init(
            type: type, status: status, reason: json["reason"]?.string ?? "", message: json["message"]?.string ?? "",
            observedGeneration: json["observedGeneration"]?.int, lastTransitionTime: time)
    }
}
