import Support

/// The namespaces that were rendered last. Rendering one is cheap, but it is asked for again with each answer and each
/// watch event of its objects, which come soon after each other.
final class RenderCache: Sendable {
    private struct State {
        var contents: [String: DataPlanePlan.Content] = [:]
        /// A ring of the names in `contents`.
        var names: [String] = []
        var oldest = 0
    }
    private let capacity: Int
    private let state = Locked(State())

    /// - Parameter capacity: more than a data plane has workers, so that what is being worked on stays.
    init(capacity: Int = 64) { self.capacity = capacity }

    func content(
        of namespace: String, _ render: () -> DataPlanePlan.Content?
    ) -> DataPlanePlan.Content? {
        if let known = state.withLock({ $0.contents[namespace] }) { return known }
        guard let content = render() else { return nil }
        state.withLock { state in
            guard state.contents.updateValue(content, forKey: namespace) == nil else { return }
            if state.names.count < capacity {
                state.names.append(namespace)
            } else {
                state.contents[state.names[state.oldest]] = nil
                state.names[state.oldest] = namespace
                state.oldest = (state.oldest + 1) % capacity
            }
        }
        return content
    }
}
