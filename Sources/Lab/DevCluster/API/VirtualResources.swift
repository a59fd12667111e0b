import JSON

/// A `create` of an object that is answered but not stored.
public struct VirtualRequest: Sendable {
    /// `authorization.k8s.io`, `authentication.k8s.io`, or empty for `serviceaccounts/token`.
    public var group: String
    public var version: String
    /// `selfsubjectaccessreviews`, `serviceaccounts`, …
    public var resource: String
    /// `token`, or empty.
    public var subresource: String
    public var namespace: String?
    /// The ServiceAccount's name; nil for reviews.
    public var name: String?
    /// The decoded body; `apiVersion` and `kind` have been checked.
    public var object: JSON
    public var user: User
}

/// Reviews and TokenRequest: resources that have only `create` and whose answer is computed. The server part implements
/// them; discovery and routing for them are the API's. `serviceaccounts/token` is called only for an existing ServiceAccount.
public protocol VirtualResources: Sendable {
    /// The object to answer with (201).
    func create(_ request: VirtualRequest) async throws(APIError) -> JSON
}
