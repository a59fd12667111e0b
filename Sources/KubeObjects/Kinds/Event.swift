/// `events.k8s.io/v1` Event: it tells people what happened to an object. We write events as JSON and never read them.
public enum Event {
    public static let resourceType = ResourceType(
        group: "events.k8s.io", version: "v1", kind: "Event", plural: "events", isNamespaced: true)
}
