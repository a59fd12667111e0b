extension Permission {
    /// Whether it changes nothing: what Observe needs.
    public var isRead: Bool { ["get", "list", "watch"].contains(verb) }
}
