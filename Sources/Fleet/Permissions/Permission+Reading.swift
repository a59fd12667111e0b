extension Permission {
    /// Whether it changes nothing. Observe needs only these rights.
    public var isRead: Bool { ["get", "list", "watch"].contains(verb) }
}
