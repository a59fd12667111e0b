/// A fault of an answer.
public enum Fault: Sendable, Hashable {
    /// The answer is a login page, with the code 200.
    case html
    /// The answer has this code, and a body as a proxy writes it.
    case status(Int)
    case redirect
    /// There is no answer, and the connection stays open.
    case hang
    /// The answer comes later by this time. The request has its effect at once.
    case slow(Duration)
    /// The request has its effect, but the connection is closed before the answer.
    case loseAnswer
    /// The answer is JSON of another form: `{"status":"ok"}`.
    case otherJSON
    /// The answer has no body, and the code 200.
    case empty
    /// The answer is JSON without end.
    case endless
}

/// The requests that a fault hits. Nil means any.
public struct FaultRule: Sendable, Hashable {
    public var fault: Fault
    public var method: String?
    public var pathContains: String?
    /// A list with, or without, `filters`.
    public var isFiltered: Bool?
    /// How many more requests it hits. Nil means all.
    public var count: Int?

    public init(
        _ fault: Fault, method: String? = nil, pathContains: String? = nil, isFiltered: Bool? = nil, count: Int? = nil
    ) {
        self.isFiltered = isFiltered
        self.fault = fault
        self.method = method
        self.pathContains = pathContains
        self.count = count
    }

    func hits(_ request: Request) -> Bool {
        count != 0 && (method.map { $0 == request.method } ?? true)
            && (isFiltered.map { $0 == (request.query["filters"] != nil) } ?? true)
            && (pathContains.map { request.path.contains($0) } ?? true)
    }
}

extension [FaultRule] {
    /// The fault of the first rule that matches. Its count goes down.
    mutating func take(_ request: Request) -> Fault? {
        guard let index = firstIndex(where: { $0.hits(request) }) else { return nil }
        if let count = self[index].count { self[index].count = count - 1 }
        return self[index].fault
    }
}
