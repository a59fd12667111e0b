import JSON
import KubeObjects

/// How a desired object depends on the existing object. The hash is the same in every form.
public struct AppliedForm: Sendable, Hashable {
    /// Another manager has set the label `app.kubernetes.io/managed-by`. We leave that label out, since the next `helm
    /// upgrade` would fail if we took it.
    public var keepsManagedBy: Bool
    /// Flyte made this Namespace. It says so even after Flyte owns none of its fields any more.
    public var adoptedFromFlyte: Bool

    public init(keepsManagedBy: Bool = false, adoptedFromFlyte: Bool = false) {
        self.keepsManagedBy = keepsManagedBy
        self.adoptedFromFlyte = adoptedFromFlyte
    }

    public static let plain = AppliedForm()
}

extension DesiredObject {
    /// The object that a server-side apply sends in that form.
    public func json(in form: AppliedForm) -> JSON {
        var json = whole
        if form.keepsManagedBy { json[path: ["metadata", "labels", Ownership.managedByLabel]] = nil }
        if form.adoptedFromFlyte, type == .namespace {
            json[path: ["metadata", "annotations", Ownership.adoptedFromAnnotation]] = .string(Ownership.flyte)
        }
        return json
    }

    public func body(in form: AppliedForm) -> [UInt8] {
        if form == .plain { return body }
        var json = json(in: form)
        defer { if copied != nil { json.wipe() } }
        return json.serialized()
    }
}

extension ObjectMeta {
    /// Whether another manager has set the label `managed-by`.
    public var hasForeignManagedBy: Bool {
        labels?[Ownership.managedByLabel].map { !$0.isEmpty && $0 != Ownership.managedBy } ?? false
    }
}
