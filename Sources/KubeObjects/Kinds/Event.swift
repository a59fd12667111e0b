/// `events.k8s.io/v1` Event: something that happened to an object, for people to read. Only ever written, as JSON.
public enum Event {
    public static let resourceType = ResourceType(
        group: "events.k8s.io", version: "v1", kind: "Event", plural: "events", isNamespaced: true)
}
