import CYAML
import JSON

extension YAML {
    /// The value in block style with sorted keys, ending with a newline. A string is quoted if a reader of YAML 1.1 or
    /// 1.2 could take it for something else. A string of several lines becomes a literal block where a block keeps it
    /// exactly. `parse` gives the value back (a whole double as an integer).
    public static func emit(_ value: JSON) -> String {
        emit(documents: [value])
    }

    /// Several documents, separated by `---`.
    public static func emit(documents: [JSON]) -> String {
        let emitter = Emitter()
        // libyaml fails only without memory. JSON is YAML, so the value can still be given out exactly.
        return emitter?.text(documents) ?? documents.map(\.serializedString).joined(separator: "\n---\n") + "\n"
    }
}

/// Owns an emitter of libyaml, and frees it at the end of its life.
private struct Emitter: ~Copyable {
    private final class Output {
        var bytes: [UInt8] = []
    }
    private let emitter: UnsafeMutablePointer<yaml_emitter_t>
    /// libyaml holds its address, so this value keeps it alive.
    private let output = Output()

    init?() {
        emitter = .allocate(capacity: 1)
        guard yaml_emitter_initialize(emitter) == 1 else {
            emitter.deallocate()
            return nil
        }
        yaml_emitter_set_output(
            emitter,
            { context, bytes, count in
                guard let context, let bytes else { return 0 }
                let output = Unmanaged<Output>.fromOpaque(context).takeUnretainedValue()
                output.bytes.append(contentsOf: UnsafeBufferPointer(start: bytes, count: count))
                return 1
            }, Unmanaged.passUnretained(output).toOpaque())
        yaml_emitter_set_unicode(emitter, 1)
        yaml_emitter_set_width(emitter, -1)
        yaml_emitter_set_indent(emitter, 2)
    }

    deinit {
        yaml_emitter_delete(emitter)
        emitter.deallocate()
    }

    /// Nil when libyaml failed.
    func text(_ documents: [JSON]) -> String? {
        guard emit({ yaml_stream_start_event_initialize(&$0, YAML_UTF8_ENCODING) }) else { return nil }
        for (index, document) in documents.enumerated() {
            let isImplicit: Int32 = index == 0 ? 1 : 0
            guard emit({ yaml_document_start_event_initialize(&$0, nil, nil, nil, isImplicit) }), emit(document),
                emit({ yaml_document_end_event_initialize(&$0, 1) })
            else { return nil }
        }
        guard emit({ yaml_stream_end_event_initialize(&$0) }), yaml_emitter_flush(emitter) == 1 else { return nil }
        return String(decoding: output.bytes, as: UTF8.self)
    }

    /// `yaml_emitter_emit` takes the event over even when it fails.
    private func emit(_ make: (inout yaml_event_t) -> Int32) -> Bool {
        var event = yaml_event_t()
        return make(&event) == 1 && yaml_emitter_emit(emitter, &event) == 1
    }

    private func emit(_ value: JSON) -> Bool {
        switch value {
        case .null: return emit("null", YAML_PLAIN_SCALAR_STYLE)
        case .bool(let flag): return emit(flag ? "true" : "false", YAML_PLAIN_SCALAR_STYLE)
        case .int(let number): return emit(String(number), YAML_PLAIN_SCALAR_STYLE)
        case .double: return emit(Self.number(value.serializedString), YAML_PLAIN_SCALAR_STYLE)
        case .string(let text): return emit(text, Self.style(for: text))
        case .array(let elements):
            let style = elements.isEmpty ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE
            return emit({ yaml_sequence_start_event_initialize(&$0, nil, nil, 1, style) })
                && elements.allSatisfy { emit($0) } && emit({ yaml_sequence_end_event_initialize(&$0) })
        case .object(let members):
            let style = members.isEmpty ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE
            return emit({ yaml_mapping_start_event_initialize(&$0, nil, nil, 1, style) })
                && members.sorted { $0.key < $1.key }.allSatisfy { emit(.string($0.key)) && emit($0.value) }
                && emit({ yaml_mapping_end_event_initialize(&$0) })
        }
    }

    private func emit(_ text: String, _ style: yaml_scalar_style_t) -> Bool {
        var text = text
        let isPlain: Int32 = style == YAML_PLAIN_SCALAR_STYLE ? 1 : 0
        return text.withUTF8 { utf8 in
            guard let count = Int32(exactly: utf8.count) else { return false }
            return emit { yaml_scalar_event_initialize(&$0, nil, nil, utf8.baseAddress, count, isPlain, 1, style) }
        }
    }

    /// Readers of YAML 1.1 know an exponent only after a point: `1.0e+20`.
    private static func number(_ text: String) -> String {
        guard let exponent = text.firstIndex(of: "e"), !text.contains(".") else { return text }
        return text[..<exponent] + ".0" + text[exponent...]
    }

    private static func style(for text: String) -> yaml_scalar_style_t {
        guard Scalar.needsQuotes(text) else { return YAML_PLAIN_SCALAR_STYLE }
        let isPrintable = text.unicodeScalars.allSatisfy {
            (0x20...0x7E).contains($0.value) || (0xA0...0xD7FF).contains($0.value) && ($0.value & ~1) != 0x2028
        }
        if isPrintable {
            let hasEscapes = text.contains("\"") || text.contains("\\")
            return hasEscapes ? YAML_SINGLE_QUOTED_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE
        }
        let isBlock = text.split(separator: "\n", omittingEmptySubsequences: false).allSatisfy { line in
            line.last != " " && line.unicodeScalars.allSatisfy { (0x20...0x7E).contains($0.value) }
        }
        // A block's first line sets its indentation: it can't begin with a space, nor be empty.
        let begins = text.first != " " && text.first != "\n"
        return isBlock && begins ? YAML_LITERAL_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE
    }
}
