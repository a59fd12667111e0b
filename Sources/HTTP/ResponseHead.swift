/// Status and header fields of the final answer.
struct ResponseHead: Sendable {
    var status: Int
    var headers: HTTPHeaders
}

/// Puts the head together from the lines that libcurl passes on, without interim (1xx) answers. A pure value.
struct HeadParser {
    enum Step {
        case more
        /// The blank line: the head is complete.
        case complete(ResponseHead)
        /// The head is larger than `limit`, so the exchange is given up.
        case tooLarge
    }

    /// The limit of all lines of all heads of an exchange, trailers included. Go's clients, such as kubectl, allow 1
    /// MB.
    static let limit = 256 << 10

    private enum State {
        /// The next line is a status line. → fields
        case start
        /// → start (after 1xx), done
        case fields(status: Int, HTTPHeaders)
        /// The next lines are trailers.
        case done
    }
    private var state = State.start
    private var size = 0
    private(set) var isHTTP2 = false

    var isComplete: Bool {
        if case .done = state { true } else { false }
    }

    mutating func take(_ line: UnsafeRawBufferPointer) -> Step {
        size += line.count
        guard size <= Self.limit else { return .tooLarge }
        var text = line[...]
        while let last = text.last, last == 0x0a || last == 0x0d { text = text.dropLast() }
        switch state {
        case .start:
            // "HTTP/1.1 200 OK", "HTTP/2 200"
            let fields = text.split(separator: 0x20, maxSplits: 2)
            isHTTP2 = fields.first.map { $0.elementsEqual("HTTP/2".utf8) } ?? false
            let status = fields.count > 1 ? Int(String(decoding: fields[1], as: UTF8.self)) : nil
            state = .fields(status: status ?? 0, HTTPHeaders())
        case .fields(let status, var headers):
            if text.isEmpty {
                if (100..<200).contains(status) {
                    state = .start
                } else {
                    state = .done
                    return .complete(ResponseHead(status: status, headers: headers))
                }
            } else if let colon = text.firstIndex(of: UInt8(ascii: ":")) {
                let name = text[..<colon]
                var value = text[(colon + 1)...]
                while let first = value.first, first == 0x20 || first == 0x09 { value = value.dropFirst() }
                while let last = value.last, last == 0x20 || last == 0x09 { value = value.dropLast() }
                // The headers are taken out of the state first, so that the array is not copied for each line.
                state = .start
                headers.append(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
                state = .fields(status: status, headers)
            }
        case .done: break
        }
        return .more
    }
}
