import JSON
import YAML

/// Reads an object from a request's body or from a patch, by the rules of its kind.
struct ObjectReading: Sendable {
    var definition: ResourceDefinition

    /// The object and what happened to unknown fields.
    struct Result {
        var object: JSON
        /// "unknown field \"spec.foo\"".
        var problems: [String]
    }

    /// An object that does not fit its type.
    struct Unfit: Error {
        var message: String
        /// See `TypedDecoding.Failure`.
        var conversion: String?
        var unstructured: String?
    }

    /// Decodes, prunes and fills in defaults.
    func normalised(_ object: JSON) throws(Unfit) -> Result {
        var object = object
        var unknown: [String] = []
        if let custom = definition.custom {
            if let metadata = object["metadata"], !metadata.isNull {
                var decoding = TypedDecoding(kind: definition.kind)
                do {
                    object["metadata"] = try decoding.decode(metadata, as: .named("ObjectMeta"))
                } catch {
                    throw Unfit(message: error.message)
                }
                unknown += decoding.unknownFields.map { "metadata." + $0 }
            }
            let (value, pruned) = custom.schema.normalised(object)
            object = value
            unknown += pruned
            unknown.sort()
        } else {
            var decoding = TypedDecoding(kind: definition.kind)
            do {
                object = try decoding.decode(object, as: definition.type)
            } catch {
                throw Unfit(
                    message: error.message, conversion: error.conversion, unstructured: error.unstructured)
            }
            unknown = decoding.unknownFields
            definition.strategy.applyDefaults(to: &object)
        }
        if object["metadata"]?.object == nil { object["metadata"] = [:] }
        for member in ["labels", "annotations"] where object["metadata"]?[member]?.object?.isEmpty == true {
            object[path: ["metadata", member]] = nil
        }
        object["apiVersion"] = .string(definition.apiVersion)
        object["kind"] = .string(definition.kind)
        return Result(object: object, problems: unknown.map { "unknown field \(JSON.string($0).shownInErrors)" })
    }

    func refusal(_ message: String) -> APIError {
        .badRequest(
            "\(definition.kind) in version \"\(definition.version)\" cannot be handled as a \(definition.kind): \(message)"
        )
    }

    /// The object in the body of a create or update.
    func read(
        _ body: [UInt8], contentType: String?, validation: WriteOptions.FieldValidation
    ) throws(APIError) -> (object: JSON, warnings: [String]) {
        let object = try parse(body, contentType: contentType)
        try checkTypeMeta(object, body)
        let result: Result
        do throws(Unfit) { result = try normalised(object) } catch { throw refusal(error.message) }
        switch validation {
        case .ignore: return (result.object, [])
        case .warn: return (result.object, result.problems)
        case .strict:
            guard result.problems.isEmpty else {
                throw refusal("strict decoding error: " + result.problems.joined(separator: ", "))
            }
            return (result.object, [])
        }
    }

    private func parse(_ body: [UInt8], contentType: String?) throws(APIError) -> JSON {
        switch MediaRange.contentType(contentType) {
        case nil, "", "application/json", "*/*": break
        case "application/yaml":
            do { return try YAML.parse(body) } catch {
                throw .badRequest("error converting YAML to JSON: yaml: line \(error.line): \(error.message)")
            }
        default: throw .unsupportedMediaType(["application/json", "application/yaml"])
        }
        let shown = Self.excerpt(body)
        do {
            let object = try JSON(parsing: body)
            guard object.object != nil else {
                throw APIError.badRequest(
                    "the object provided is unrecognized (must be of type \(definition.kind)): couldn't get version/kind; json "
                        + "parse error: json: cannot unmarshal \(object.array == nil ? "value" : "array") into Go value of type "
                        + "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" } (\(shown))"
                )
            }
            return object
        } catch let error as APIError {
            throw error
        } catch {
            let why = body.isEmpty || Self.looksCutOff(body) ? "unexpected end of JSON input" : "\(error)"
            throw .badRequest(
                "the object provided is unrecognized (must be of type \(definition.kind)): couldn't get version/kind; json parse "
                    + "error: \(why) (\(shown))")
        }
    }

    static func looksCutOff(_ body: [UInt8]) -> Bool {
        var depth = 0
        var inString = false
        var escaped = false
        for byte in body {
            if inString {
                if escaped {
                    escaped = false
                } else if byte == UInt8(ascii: "\\") {
                    escaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
            } else if byte == UInt8(ascii: "\"") {
                inString = true
            } else if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                depth += 1
            } else if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") {
                depth -= 1
            }
        }
        return depth > 0 || inString
    }

    /// The start of a body, as the real server quotes it in an error.
    static func excerpt(_ body: [UInt8]) -> String {
        if body.isEmpty { return "<empty>" }
        let text = String(decoding: body.prefix(30), as: UTF8.self)
        return body.count > 30 ? text + " ..." : text
    }

    private func checkTypeMeta(_ object: JSON, _ body: [UInt8]) throws(APIError) {
        let kind = object["kind"]?.string ?? ""
        let apiVersion = object["apiVersion"]?.string ?? ""
        if definition.isCustom {
            if kind.isEmpty {
                throw .badRequest(
                    "the object provided is unrecognized (must be of type \(definition.kind)): Object 'Kind' is missing in "
                        + "'\(String(decoding: body, as: UTF8.self))' (\(Self.excerpt(body)))")
            }
            if !apiVersion.isEmpty, apiVersion != definition.apiVersion {
                throw .badRequest(
                    "the API version in the data (\(apiVersion)) does not match the expected API version (\(definition.apiVersion))"
                )
            }
            if kind != definition.kind {
                throw .invalid(
                    group: definition.group, kind: kind, name: object["metadata"]?["name"]?.string ?? "",
                    [.invalid("kind", .string(kind), "must be \(definition.kind)")])
            }
        } else if !kind.isEmpty, kind != definition.kind {
            throw .badRequest(
                "\(kind) in version \"\(apiVersion.split(separator: "/").last ?? "")\" cannot be handled as a \(definition.kind): "
                    + "converting (v1.\(kind)) to (core.\(definition.kind)): unknown conversion")
        } else if !apiVersion.isEmpty, apiVersion != definition.apiVersion {
            let version = apiVersion.split(separator: "/").last ?? ""
            throw .badRequest(
                "\(definition.kind) in version \"\(version)\" cannot be handled as a \(definition.kind): no kind "
                    + "\"\(definition.kind)\" is registered for version \"\(apiVersion)\" in scheme \"pkg/api/legacyscheme/scheme.go:30\""
            )
        }
    }
}
