import Fleet
import Kube
import Support
import Testing

@testable import DataPlaneAgent

@Suite("The connections to one data plane")
struct ConnectionStateTests {
    private func trying(_ wanted: LinkConfiguration = settings()) -> ConnectionState {
        var state = ConnectionState.idle
        _ = state.configure(wanted, connect: link)
        return state
    }

    @Test("A link comes into use by its own probe, and is suspect until the server is seen")
    func proves() throws {
        var state = trying()
        let first = try #require(state.candidate?.link)
        #expect(state.used == nil)
        let before = state.prove()
        #expect(before == nil && state.candidate == nil && state.used?.link === first)
        #expect(state.used?.isSuspect == true)
        state.succeeded(isIdentified: false)
        #expect(state.used?.isSuspect == true)
        state.succeeded(isIdentified: true)
        #expect(state.used?.isSuspect == false)
    }

    @Test("Another token is tried beside the link in use, another server instead of it")
    func reconfigured() throws {
        var state = trying()
        _ = state.prove()
        let used = try #require(state.used?.link)
        var change = state.configure(settings(token: "two"), connect: link)
        #expect(change.unused.isEmpty && !change.leavesServer)
        #expect(state.used?.link === used && state.triesSettings)
        change = state.configure(settings("https://other"), connect: link)
        #expect(change.leavesServer && change.unused.count == 2 && change.unused.contains { $0 === used })
        #expect(state.used == nil && state.candidate != nil)
        change = state.configure(nil, connect: link)
        #expect(change.leavesServer && change.unused.count == 1 && state.links.isEmpty)
    }

    @Test("A server that ends soon has one fresh connection tried at the next probe")
    func endsSoon() throws {
        var state = trying()
        _ = state.prove()
        let used = try #require(state.used?.link)
        state.endsSoon()
        state.probeBegins(connect: link)
        #expect(state.candidate?.isOnlyFresh == true && !state.triesSettings && state.used?.link === used)
        state.dropCandidate()
        state.probeBegins(connect: link)
        #expect(state.candidate == nil, "it was tried")
    }

    @Test("In any history a link is used only once proved, and each is closed exactly once")
    func histories() {
        for seed in UInt64(0)..<500 {
            var numbers = SeededRandom(seed: seed)
            var (state, made, proved, closed) = (ConnectionState.idle, [Link](), [Link](), [Link]())
            func connect(_ configuration: LinkConfiguration) -> Link {
                let new = link(configuration)
                made.append(new)
                return new
            }
            for _ in 0..<60 {
                switch numbers.next() % 9 {
                case 0: closed += state.configure(nil, connect: connect).unused
                case 1, 2:
                    let wanted = settings("https://dp\(numbers.next() % 2)", ca: [UInt8(numbers.next() % 3)])
                    closed += state.configure(wanted, connect: connect).unused
                case 3, 4:
                    if let candidate = state.candidate { proved.append(candidate.link) }
                    if let before = state.prove() { closed.append(before) }
                case 5: _ = state.candidateFailed(isRefusal: numbers.next() % 2 == 0)
                case 6:
                    if let candidate = state.candidate, state.used != nil { closed.append(candidate.link) }
                    state.dropCandidate()
                case 7: state.endsSoon()
                default: state.probeBegins(connect: connect)
                }
                let links = state.links
                #expect(state.used.map { used in proved.contains { $0 === used.link } } ?? true)
                #expect(links.count + closed.count == made.count)
                #expect(Set((links + closed).map(ObjectIdentifier.init)).count == made.count)
                #expect(links.allSatisfy { state.role(of: $0) != nil })
                #expect(closed.allSatisfy { state.role(of: $0) == nil })
            }
        }
    }
}
