import JSON

/// The OpenAPI v2 document in Protocol Buffers (gnostic's `openapi.v2.Document`). Older kubectls, such as Debian's
/// 1.20, accept only this form, and need it for every apply and create. It has the parts that kubectl reads.
enum OpenAPIProtobuf {
    static let accepted = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    static let contentType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

    static func encode(_ document: JSON) -> [UInt8] {
        var writer = ProtobufWriter()
        writer.add(1, document["swagger"]?.string)
        writer.add(2) { info in
            info.add(1, document["info"]?["title"]?.string)
            info.add(2, document["info"]?["version"]?.string)
        }
        writer.add(8) { paths in
            for (path, item) in sorted(document["paths"]) {
                paths.add(2) { entry in
                    entry.add(1, path)
                    entry.add(2) { add(path: item, to: &$0) }
                }
            }
        }
        writer.add(9) { add(named: document["definitions"], to: &$0) }
        return writer.bytes
    }

    private static func sorted(_ object: JSON?) -> [(key: String, value: JSON)] {
        (object?.object ?? [:]).sorted { $0.key < $1.key }
    }

    private static let methods: [(String, UInt64)] = [("get", 2), ("put", 3), ("post", 4), ("delete", 5), ("patch", 8)]

    private static func add(path item: JSON, to writer: inout ProtobufWriter) {
        for (method, field) in methods {
            guard let operation = item[method] else { continue }
            writer.add(field) { writer in
                for parameter in operation["parameters"]?.array ?? [] {
                    // A parameter contains a non-body parameter, which contains one of the query.
                    writer.add(8) {
                        $0.add(1) { $0.add(2) { $0.add(3) { add(parameter: parameter, to: &$0) } } }
                    }
                }
                writer.add(9) { responses in
                    for (code, response) in sorted(operation["responses"]) {
                        responses.add(1) {
                            $0.add(1, code)
                            $0.add(2) { $0.add(1) { $0.add(1, response["description"]?.string) } }
                        }
                    }
                }
                addExtensions(of: operation, field: 13, to: &writer)
            }
        }
    }

    private static func add(parameter: JSON, to writer: inout ProtobufWriter) {
        writer.add(2, parameter["in"]?.string)
        writer.add(4, parameter["name"]?.string)
        writer.add(6, parameter["type"]?.string)
        writer.add(20, parameter["uniqueItems"]?.bool)
    }

    private static func add(named schemas: JSON?, to writer: inout ProtobufWriter) {
        for (name, schema) in sorted(schemas) {
            writer.add(1) { entry in
                entry.add(1, name)
                entry.add(2) { add(schema, to: &$0) }
            }
        }
    }

    private static func add(_ schema: JSON, to writer: inout ProtobufWriter) {
        // kubectl can't handle the fields of a value that may be null or has other fields. The real server publishes
        // such values as "anything", and so do we.
        let isAnything =
            schema["nullable"]?.bool == true || schema["x-kubernetes-preserve-unknown-fields"]?.bool == true
            || schema["type"] == "array" && schema["items"] == nil
        writer.add(1, schema["$ref"]?.string)
        writer.add(2, schema["format"]?.string)
        writer.add(4, schema["description"]?.string)
        if !isAnything {
            for name in schema["required"]?.array ?? [] { writer.add(19, name.string) }
            if let others = schema["additionalProperties"] {
                writer.add(21) { item in
                    if let flag = others.bool { item.add(2, flag) } else { item.add(1) { add(others, to: &$0) } }
                }
            }
            if let type = schema["type"]?.string { writer.add(22) { $0.add(1, type) } }
            if let items = schema["items"] { writer.add(23) { $0.add(1) { add(items, to: &$0) } } }
            if let properties = schema["properties"] { writer.add(25) { add(named: properties, to: &$0) } }
        }
        addExtensions(of: schema, field: 31, to: &writer)
    }

    private static func addExtensions(of object: JSON, field: UInt64, to writer: inout ProtobufWriter) {
        for (name, value) in sorted(object) where name.hasPrefix("x-kubernetes-") {
            writer.add(field) { entry in
                entry.add(1, name)
                // JSON is YAML.
                entry.add(2) { $0.add(2, value.serializedString) }
            }
        }
    }
}
