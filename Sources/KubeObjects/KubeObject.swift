import JSON

/// An object that can be read from an API server. Which kind it is may be known only at run time (`DynamicObject`,
/// `PartialObject`): lists, watches and stores need no more than this.
public protocol KubeObject: Sendable {
    var metadata: ObjectMeta { get }
    /// Fails with the path of the first field that does not fit.
    init(json: JSON) throws(DecodingFailure)
    /// The object that `init(json:)` would make of `PartialObjectMetadata`. Nil if it needs more than the metadata.
    init?(metadataAlone: ObjectMeta)
}

extension KubeObject {
    public init?(metadataAlone: ObjectMeta) { nil }
}

/// An object of one kind that is known at compile time.
public protocol KubeResource: KubeObject {
    static var resourceType: ResourceType { get }
}

extension KubeObject where Self: Decodable {
    public init(json: JSON) throws(DecodingFailure) { self = try json.decode(Self.self) }
}

extension KubeResource where Self: Encodable {
    /// As it is sent: with `apiVersion` and `kind`, which the Swift type stands for.
    public func encoded() throws(EncodingFailure) -> JSON {
        var json = try JSON(encoding: self)
        json["apiVersion"] = .string(Self.resourceType.apiVersion)
        json["kind"] = .string(Self.resourceType.kind)
        return json
    }
}

/// An object as it came. An object that does not fit its type must not stop a watch, and must not vanish.
public enum Decoded<Object: KubeObject>: Sendable {
    case valid(Object)
    case malformed(ObjectMeta, DecodingFailure)

    /// Fails only if the metadata is unusable, since then nobody can tell which object it is.
    public init(json: JSON) throws(DecodingFailure) {
        do {
            self = .valid(try Object(json: json))
        } catch {
            do {
                self = .malformed(try ObjectMeta(json: json["metadata"] ?? .null), error)
            } catch {
                throw error.under("metadata")
            }
        }
    }

    public var metadata: ObjectMeta {
        switch self {
        case .valid(let object): object.metadata
        case .malformed(let metadata, _): metadata
        }
    }
    public var object: Object? { if case .valid(let object) = self { object } else { nil } }
}
