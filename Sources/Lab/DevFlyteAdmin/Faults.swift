/// What can go wrong with an answer.
public enum Fault: Sendable, Hashable {
    /// A login page, with 200.
    case html
    /// With a body as a proxy writes it.
    case status(Int)
    case redirect
    /// Nothing is answered; the connection stays open.
    case hang
    /// The answer comes so much later. What it does is done at once.
    case slow(Duration)
    /// It is done, but the answer never arrives: the connection is closed.
    case loseAnswer
    /// JSON, but of nobody's making: `{"status":"ok"}`.
    case otherJSON
    /// JSON without end.
    case endless
}

/// Which requests a fault hits. Nil: any.
public struct FaultRule: Sendable, Hashable {
    public var fault: Fault
    public var method: String?
    public var pathContains: String?
    /// A list with, or without, `filters`.
    public var isFiltered: Bool?
    /// How many requests are left to be hit; nil: all.
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
    /// The fault of the first rule that hits; its count goes down.
    mutating func take(_ request: Request) -> Fault? {
        guard let index = firstIndex(where: { $0.hits(request) }) else { return nil }
        if let count = self[index].count { self[index].count = count - 1 }
        return self[index].fault
    }
}
