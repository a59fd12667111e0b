import JSON

/// The answer of a hostile data plane to one request: objects that it makes up, with the labels that we select.
struct Flood {
    private let attributes: RequestAttributes
    /// A resourceVersion above every real one, so that clients believe that these objects are newer.
    private static let firstVersion = 1_000_000_000

    init(_ attributes: RequestAttributes) { self.attributes = attributes }

    /// One line of a watch.
    func event(_ number: Int, name: Int, _ bytes: Int) -> [UInt8] {
        Array(#"{"type":"MODIFIED","object":"#.utf8) + Array(object(name, version: number, bytes).utf8)
            + Array("}\n".utf8)
    }

    func page(of count: Int, _ bytes: Int) -> APIResponse {
        let first = Int.random(in: 0..<1_000_000) * 1_000
        var text = #"{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":""#
        text += #"\#(Self.firstVersion)","continue":"\#(first)"},"items":["#
        for number in 0..<count {
            text += object(first + number, version: number, bytes)
            if number < count - 1 { text += "," }
        }
        return Self.json(text + "]}\n")
    }

    func kinds(_ count: Int) -> APIResponse {
        let first = Int.random(in: 0..<1_000_000) * 1_000
        let version = attributes.path.split(separator: "/").dropFirst().joined(separator: "/")
        var text = #"{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"\#(version)","resources":["#
        for number in first..<(first + count) {
            text += #"{"name":"kinds\#(number)","singularName":"","namespaced":true,"kind":"Kind\#(number)","#
            text += #""verbs":["list"]}"#
            if number < first + count - 1 { text += "," }
        }
        return Self.json(text + "]}\n")
    }

    private func object(_ name: Int, version: Int, _ bytes: Int) -> String {
        let isNamespace = attributes.resource == "namespaces"
        var text =
            #"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"flood-\#(name)","#
        if !isNamespace { text += #""namespace":"flood-\#(name % 100)","# }
        text += #""uid":"flood-\#(name)","resourceVersion":"\#(Self.firstVersion + version)","labels":{"#
        text += #""app.kubernetes.io/managed-by":"squadron","multicluster.flyte.org/project":"flood","#
        text += #""multicluster.flyte.org/domain":"development"},"annotations":{"flood":""#
        text += String(repeating: "x", count: bytes)
        return text + #""}}}"#
    }

    private static func json(_ text: String) -> APIResponse {
        APIResponse(status: 200, headers: [("Content-Type", "application/json")], body: .bytes(Array(text.utf8)))
    }
}
