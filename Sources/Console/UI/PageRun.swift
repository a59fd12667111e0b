import ControlLoop
import Kube
import KubeObjects
import Serving
import Support

/// Carries out `squadron ui`: it watches, and serves a page on loopback.
public struct PageRun: Sendable {
    private let reader: ControlPlaneReader
    private let address: ListenAddress
    /// Changes within this time are shown together.
    private static let pause = Duration.milliseconds(400)

    /// Nil for an address that other machines could reach.
    public init?(_ reader: ControlPlaneReader, at address: ListenAddress) {
        guard let loopback = address.loopback else { return nil }
        (self.reader, self.address) = (reader, loopback)
    }

    /// Serves until the task is cancelled. `ready` gets the page's URL.
    public func run(ready: @Sendable (String) -> Void) async throws {
        // If the control plane can't be read at all, this fails here and not on the page.
        let first = KubeCollection(ControlPlaneReader.kinds[0], namespace: reader.namespace, metadataOnly: true)
        _ = try await reader.client.list(PartialObject.self, of: first, limit: 1)

        let watch = FleetWatch(reader)
        let site = PageSite()
        let server = PageServer(name: "page's", address: address) { site.answer($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await watch.run() }
            group.addTask { await Self.show(watch, on: site) }
            defer { group.cancelAll() }
            try await server.run { port in ready(site.serves(at: address, port: port)) }
        }
    }

    private static func show(_ watch: FleetWatch, on site: PageSite) async {
        let timeline = Timeline.continuous
        while !Task.isCancelled {
            let seen = watch.changed.generation
            if watch.isComplete { site.show(watch.page(now: WallClock.system.now)) }
            await watch.changed.wait(past: seen)
            await timeline.sleep(until: timeline.now + pause)
        }
    }
}
