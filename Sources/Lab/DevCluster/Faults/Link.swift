import NIOCore
import Support

/// How the network between clients and one server behaves, below TLS.
public struct LinkConditions: Sendable, Hashable {
    /// Added to every exchange of bytes, half of it each way: a TLS handshake takes two or three of these, a request on an
    /// open connection one, a watch event half of one.
    public var roundTrip: Duration = .zero
    /// A random delay of at most this, added each way. The order of the bytes is kept.
    public var jitter: Duration = .zero
    /// Connections are accepted by the kernel, and nothing goes either way. When it ends, what was on its way arrives.
    public var isBlackHole = false

    public init(roundTrip: Duration = .zero, jitter: Duration = .zero, isBlackHole: Bool = false) {
        self.roundTrip = roundTrip
        self.jitter = jitter
        self.isBlackHole = isBlackHole
    }

    var isPerfect: Bool { roundTrip == .zero && jitter == .zero && !isBlackHole }
}

/// The connections of one server, and the conditions that they are under.
final class Link: Sendable {
    private struct State {
        var conditions: LinkConditions
        var connections: [ObjectIdentifier: any Channel] = [:]
        var accepted = 0
        var random: SeededRandom
    }
    private let state: Locked<State>

    init(_ conditions: LinkConditions, seed: UInt64) {
        state = Locked(State(conditions: conditions, random: SeededRandom(seed: seed)))
    }

    var conditions: LinkConditions {
        get { state.withLock { $0.conditions } }
        set {
            let channels = state.withLock { state in
                state.conditions = newValue
                return Array(state.connections.values)
            }
            for channel in channels { channel.triggerUserOutboundEvent(LinkEvent.conditionsChanged, promise: nil) }
        }
    }

    /// The conditions now, and how long a byte that sets out now is on its way.
    func sample() -> (conditions: LinkConditions, delay: Duration) {
        state.withLock { state in
            let conditions = state.conditions
            guard !conditions.isPerfect else { return (conditions, .zero) }
            let jitter = conditions.jitter == .zero ? .zero : conditions.jitter * state.random.fraction()
            return (conditions, conditions.roundTrip / 2 + jitter)
        }
    }

    var counts: (open: Int, accepted: Int) { state.withLock { ($0.connections.count, $0.accepted) } }

    func opened(_ channel: any Channel) {
        state.withLock {
            $0.connections[ObjectIdentifier(channel)] = channel
            $0.accepted += 1
        }
    }

    func closed(_ channel: any Channel) {
        _ = state.withLock { $0.connections.removeValue(forKey: ObjectIdentifier(channel)) }
    }

    /// Ends every connection with a TCP reset, and waits until they are gone.
    func resetAll() async {
        let channels = state.withLock { Array($0.connections.values) }
        for channel in channels { channel.triggerUserOutboundEvent(LinkEvent.reset, promise: nil) }
        for channel in channels { try? await channel.closeFuture.get() }
    }
}

/// Sent down a connection's pipeline to its `LinkHandler`.
enum LinkEvent: Sendable {
    case conditionsChanged
    /// RST instead of FIN, whatever is still to be written.
    case reset
}
