/// A large value that many parts of the program hold. To take it costs one reference, and not one for each of its own parts.
public final class Shared<Value: Sendable>: Sendable {
    public let value: Value
    public init(_ value: Value) { self.value = value }
}
