/// A value that does not fit the type it was read as.
public struct DecodingFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The path from the outermost value: `spec.clusters[0].weight`. Empty for the value itself.
    public var path: String
    /// What is wrong at the path: "expected a number, found a string".
    public var message: String

    public init(path: String, message: String) {
        self.path = path
        self.message = message
    }

    public var description: String { path.isEmpty ? message : "\(path): \(message)" }
}
