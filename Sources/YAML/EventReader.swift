import CYAML

/// One step of libyaml's parser, copied out of its memory.
struct Event {
    enum Kind {
        case streamStart, streamEnd, documentStart, documentEnd
        case alias(String)
        case scalar(String, YAMLNode.ScalarStyle)
        case sequenceStart, sequenceEnd
        case mappingStart, mappingEnd
    }
    var kind: Kind
    var anchor: String?
    var tag: String?
    var line: Int
    var column: Int
}

/// Owns a parser of libyaml, and frees it at the end of its life, on every path.
struct EventReader: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>

    /// The bytes must stay valid for as long as the reader is used.
    init(_ bytes: UnsafeRawBufferPointer) throws(YAML.Failure) {
        parser = .allocate(capacity: 1)
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            throw YAML.Failure(message: "out of memory")
        }
        // libyaml must not guess the encoding: UTF-16 is not accepted here.
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        // libyaml would count a byte order mark as a column: the first key would stand further right than the next one.
        let mark = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
        let text = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(mark))
        yaml_parser_set_input_string(parser, text.bindMemory(to: UInt8.self).baseAddress, text.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    func next() throws(YAML.Failure) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw failure }
        defer { yaml_event_delete(&event) }
        var anchor: UnsafeMutablePointer<yaml_char_t>?
        var tag: UnsafeMutablePointer<yaml_char_t>?
        let kind: Event.Kind
        switch event.type {
        case YAML_STREAM_START_EVENT: kind = .streamStart
        case YAML_DOCUMENT_START_EVENT: kind = .documentStart
        case YAML_DOCUMENT_END_EVENT: kind = .documentEnd
        case YAML_ALIAS_EVENT: kind = .alias(Self.text(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            (anchor, tag) = (scalar.anchor, scalar.tag)
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            kind = .scalar(String(decoding: bytes, as: UTF8.self), Self.style(scalar.style))
        case YAML_SEQUENCE_START_EVENT:
            (anchor, tag) = (event.data.sequence_start.anchor, event.data.sequence_start.tag)
            kind = .sequenceStart
        case YAML_SEQUENCE_END_EVENT: kind = .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            (anchor, tag) = (event.data.mapping_start.anchor, event.data.mapping_start.tag)
            kind = .mappingStart
        case YAML_MAPPING_END_EVENT: kind = .mappingEnd
        // This is the stream's end, or "no event", which libyaml gives after it.
        default: kind = .streamEnd
        }
        let mark = event.start_mark
        return Event(
            kind: kind, anchor: Self.text(anchor), tag: Self.text(tag).map(Self.shortened), line: mark.line + 1,
            column: mark.column + 1)
    }

    private var failure: YAML.Failure {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "out of memory"
        let context = parser.pointee.context.map { " " + String(cString: $0) } ?? ""
        // A reader's error (encoding, control characters) comes before libyaml splits the text into lines, so it has
        // only an offset.
        guard parser.pointee.error != YAML_READER_ERROR else {
            return YAML.Failure(message: "\(problem) (at byte \(parser.pointee.problem_offset))")
        }
        let mark = parser.pointee.problem_mark
        return YAML.Failure(line: mark.line + 1, column: mark.column + 1, message: problem + context)
    }

    private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    private static func shortened(_ tag: String) -> String {
        let prefix = "tag:yaml.org,2002:"
        return tag.hasPrefix(prefix) ? "!!" + tag.dropFirst(prefix.count) : tag
    }

    private static func style(_ style: yaml_scalar_style_t) -> YAMLNode.ScalarStyle {
        switch style {
        case YAML_SINGLE_QUOTED_SCALAR_STYLE: .singleQuoted
        case YAML_DOUBLE_QUOTED_SCALAR_STYLE: .doubleQuoted
        case YAML_LITERAL_SCALAR_STYLE: .literal
        case YAML_FOLDED_SCALAR_STYLE: .folded
        default: .plain
        }
    }
}
