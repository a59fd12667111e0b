import JSON
import Support

/// Writes objects in the form that a request asked for.
struct Presenter: Sendable {
    enum TableObject: String, Sendable { case none = "None", metadata = "Metadata", object = "Object" }

    var definition: ResourceDefinition
    var form: AnswerForm
    var tableObject: TableObject
    var now: Instant

    init(_ request: ResourceRequest, now: Instant) throws(APIError) {
        definition = request.definition
        form = try AnswerForm(accept: request.http.headers["accept"])
        let include = request.http.parameter("includeObject") ?? ""
        guard include.isEmpty || TableObject(rawValue: include) != nil else {
            throw .badRequest(
                "Unable to convert to Table as requested: includeObject: Invalid value: \(JSON.string(include).shownInErrors): must "
                    + "be 'Metadata', 'Object', 'None', or empty")
        }
        tableObject = TableObject(rawValue: include) ?? .metadata
        self.now = now
    }

    /// A stored object as the served version shows it. Custom resources older than their definition get its defaults.
    func object(_ stored: StoredObject) -> JSON { definition.presented(Self.current(stored, definition)) }

    static func current(_ stored: StoredObject, _ definition: ResourceDefinition) -> JSON {
        let object = stored.content.json
        guard let custom = definition.custom, stored.revision < custom.definedAt else { return object }
        let schema = object["apiVersion"]?.string.flatMap { custom.versions[$0] } ?? custom.schema
        return custom.schema.pruned(schema.defaulted(object))
    }

    /// Whether stored bytes can be copied into the answer.
    private func isVerbatim(_ stored: StoredObject) -> Bool {
        if case .events = definition.conversion { return false }
        if definition.storedAPIVersion != definition.apiVersion { return false }
        return (definition.custom?.definedAt ?? 0) <= stored.revision
    }

    /// One object, alone.
    func answer(_ object: JSON) -> JSON {
        switch form {
        case .object: object
        case .metadata: Self.metadataOnly(object)
        case .table:
            table(
                rows: [object], metadata: ["resourceVersion": object["metadata"]?["resourceVersion"] ?? ""],
                withColumns: true)
        }
    }

    /// A list. `metadata` is that of the list.
    func list(_ entries: [ObjectCollection.Entry], metadata: JSON) -> [UInt8] {
        var output: [UInt8] = []
        switch form {
        case .table:
            table(rows: entries.map { object($0.object) }, metadata: metadata, withColumns: true).append(to: &output)
        case .metadata:
            append(
                head: ["kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata],
                entries,
                to: &output
            ) { entry, output in
                output.append(
                    contentsOf: #"{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","metadata":"#.utf8)
                if !entry.object.content.append(path: ["metadata"], to: &output) {
                    output.append(contentsOf: "{}".utf8)
                }
                output.append(UInt8(ascii: "}"))
            }
        case .object:
            var metadata = metadata
            // In the real server other code writes lists of custom resources, and leaves nothing out.
            if definition.isCustom, metadata["continue"] == nil { metadata["continue"] = "" }
            append(
                head: [
                    "kind": .string(definition.listKind), "apiVersion": .string(definition.apiVersion),
                    "metadata": metadata,
                ], entries, to: &output
            ) { entry, output in
                if isVerbatim(entry.object) {
                    // Built-in kinds do not repeat apiVersion and kind in each item; custom ones do.
                    if definition.isCustom {
                        entry.object.content.append(to: &output)
                    } else {
                        entry.object.content.append(to: &output, leavingOut: ["apiVersion", "kind"])
                    }
                } else {
                    var object = object(entry.object)
                    if !definition.isCustom {
                        object["apiVersion"] = nil
                        object["kind"] = nil
                    }
                    object.append(to: &output)
                }
            }
        }
        return output
    }

    private func append(
        head: JSON, _ entries: [ObjectCollection.Entry], to output: inout [UInt8],
        item: (ObjectCollection.Entry, inout [UInt8]) -> Void
    ) {
        head.append(to: &output)
        output.removeLast()
        if entries.isEmpty, form == .metadata {
            // The real server has a nil slice here.
            output.append(contentsOf: #","items":null}"#.utf8)
            return
        }
        output.append(contentsOf: #","items":["#.utf8)
        for (index, entry) in entries.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            item(entry, &output)
        }
        output.append(contentsOf: "]}".utf8)
    }

    /// An object of a watch event.
    func appendEventObject(_ stored: StoredObject, isFirst: Bool, to output: inout [UInt8]) {
        switch form {
        case .object:
            if isVerbatim(stored) { stored.content.append(to: &output) } else { object(stored).append(to: &output) }
        case .metadata:
            output.append(
                contentsOf: #"{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","metadata":"#.utf8)
            if !stored.content.append(path: ["metadata"], to: &output) { output.append(contentsOf: "{}".utf8) }
            output.append(UInt8(ascii: "}"))
        case .table:
            let object = object(stored)
            table(
                rows: [object], metadata: ["resourceVersion": object["metadata"]?["resourceVersion"] ?? ""],
                withColumns: isFirst
            ).append(to: &output)
        }
    }

    /// The object of a bookmark, which has only a resourceVersion.
    func bookmark(revision: Int64, isInitialEventsEnd: Bool, isFirst: Bool) -> JSON {
        var metadata: JSON = ["resourceVersion": .string(String(revision))]
        if isInitialEventsEnd { metadata["annotations"] = ["k8s.io/initial-events-end": "true"] }
        switch form {
        case .metadata: return ["kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata]
        case .table:
            return table(
                rows: [["metadata": metadata]], metadata: ["resourceVersion": .string(String(revision))],
                withColumns: isFirst)
        case .object:
            var object: JSON = definition.isCustom ? [:] : definition.type.skeleton ?? [:]
            object["kind"] = .string(definition.kind)
            object["apiVersion"] = .string(definition.apiVersion)
            object["metadata"] = metadata
            return object
        }
    }

    private static func metadataOnly(_ object: JSON) -> JSON {
        ["kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"] ?? [:]]
    }

    private func table(rows: [JSON], metadata: JSON, withColumns: Bool) -> JSON {
        [
            "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
            "columnDefinitions": withColumns ? .array(definition.columns.columns.map(\.json)) : .null,
            "rows": .array(
                rows.map { row in
                    let shown: JSON =
                        switch tableObject {
                        case .none: .null
                        case .metadata: Self.metadataOnly(row)
                        case .object: row
                        }
                    return ["cells": .array(definition.columns.cells(row, now: now)), "object": shown]
                }),
        ]
    }
}
