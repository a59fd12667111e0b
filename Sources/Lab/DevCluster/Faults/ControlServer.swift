import JSON
import NIOCore
import Support

/// Faults and counts for scripts: plain HTTP on a loopback port of its own.
///
/// ```text
/// GET    /clusters                     name, url, availability, connections, open watches
/// POST   /clusters/{name}/{action}     stop, restart, refuse, unanswer, serve, black-hole, latency, heal, …; * for all
/// POST   /faults                       {"cluster", "fault", "match": {"verbs", "resources", …}, "rate", "count", …}
/// DELETE /faults                       removes every rule (?cluster=name)
/// GET    /requests                     counts by cluster, verb, resource, user agent and status
/// DELETE /requests                     starts counting from zero
/// ```
public final class ControlServer: Sendable {
    public let port: Int
    private let channel: any Channel
    private let service: Service

    /// - Parameter port: 0 for any.
    public static func start(_ fleet: DevFleet, port: Int = 0) async throws -> ControlServer {
        let service = Service(fleet)
        return ControlServer(try await Listener.openPlain(port: port, server: service), service, port)
    }

    private init(_ channel: any Channel, _ service: Service, _ port: Int) {
        self.channel = channel
        self.service = service
        self.port = channel.localAddress?.port ?? port
    }

    public func stop() async { try? await channel.close() }

    private final class Service: RequestServer {
        private let fleet: DevFleet
        init(_ fleet: DevFleet) { self.fleet = fleet }

        func serve(_ request: IncomingRequest, connection: Connection, writer: ResponseWriter) async {
            var (status, answer): (Int, JSON)
            do {
                (status, answer) = (200, try await respond(to: request.api))
            } catch let failure as ControlFailure {
                (status, answer) = (failure.status, ["error": .string(failure.message)])
            } catch {
                (status, answer) = (500, ["error": .string("\(error)")])
            }
            writer.respond(
                status: status, headers: [("Content-Type", "application/json")],
                body: answer.serialized() + [UInt8(ascii: "\n")])
        }

        private func respond(to request: APIRequest) async throws -> JSON {
            var body: JSON = [:]
            if !request.body.isEmpty {
                do {
                    body = try JSON(parsing: request.body)
                } catch {
                    throw ControlFailure(status: 400, message: "body: \(error)")
                }
            }
            switch (request.method, request.segments.first, request.segments.count) {
            case ("GET", "clusters", 1): return .array(fleet.clusters.map(\.controlState))
            case ("POST", "clusters", 3):
                let (name, action) = (request.segments[1], request.segments[2])
                let chosen = try clusters(name)
                try await withThrowingDiscardingTaskGroup { [body] group in
                    for cluster in chosen { group.addTask { try await cluster.control(action, body) } }
                }
                return .array(chosen.map(\.controlState))
            case ("POST", "faults", 1):
                let rule = try FaultRule(control: body)
                let chosen = try clusters(body["cluster"]?.string)
                for cluster in chosen { cluster.faults.add(rule) }
                return ["clusters": .array(chosen.map { .string($0.name) })]
            case ("DELETE", "faults", 1):
                let chosen = try clusters(request.parameter("cluster"))
                for cluster in chosen { cluster.faults.removeAll() }
                return ["clusters": .array(chosen.map { .string($0.name) })]
            case ("GET", "requests", 1):
                return .array(try clusters(request.parameter("cluster")).flatMap(\.controlCounts))
            case ("DELETE", "requests", 1):
                for cluster in try clusters(request.parameter("cluster")) { cluster.requestLog.reset() }
                return [:]
            default: throw ControlFailure(status: 404, message: "no such endpoint: \(request.method) \(request.path)")
            }
        }

        /// Nil and `*` mean all of them.
        private func clusters(_ name: String?) throws(ControlFailure) -> [DevCluster] {
            guard let name, name != "*" else { return fleet.clusters }
            guard let cluster = fleet[name] else {
                throw ControlFailure(status: 404, message: "no such cluster: \(name)")
            }
            return [cluster]
        }
    }
}

extension DevCluster {
    fileprivate var controlState: JSON {
        let (open, accepted) = connections
        return [
            "name": .string(name), "url": .string(url), "availability": .string(availability.rawValue),
            "connections": ["open": .int(Int64(open)), "accepted": .int(Int64(accepted))],
            "openWatches": .object(requestLog.openWatches.mapValues { .int(Int64($0)) }),
            "faultsHit": .int(Int64(faults.totalHits)),
        ]
    }

    fileprivate var controlCounts: [JSON] {
        requestLog.counts.sorted {
            ($0.key.verb, $0.key.resource, $0.key.userAgent, $0.key.status)
                < ($1.key.verb, $1.key.resource, $1.key.userAgent, $1.key.status)
        }.map { key, count in
            [
                "cluster": .string(name), "verb": .string(key.verb), "resource": .string(key.resource),
                "userAgent": .string(key.userAgent), "status": .int(Int64(key.status)), "count": .int(Int64(count)),
            ]
        }
    }
}
