import JSON
import Testing

@testable import Fleet

/// Against Go itself: the fixture was written by Go 1.26 with Flyte's own `flytestdlib/random` (v1.16.8).
@Suite("The draw")
struct DrawTests {
    private static func fixture() throws -> JSON {
        try JSON(parsing: Array(Repository.text("Tests/FleetTests/Fixtures/placement/draws.json").utf8))
    }

    @Test("The source gives Go's numbers, from the first to far beyond a turn of its state")
    func stream() throws {
        let streams = try #require(try Self.fixture()["streams"]?.array)
        #expect(streams.count == 10)
        for stream in streams {
            let after = try #require(stream["after"]?.int)
            var random = GoRandom(seed: try #require(stream["seed"]?.int))
            var values = (0..<4).map { _ in random.next() }
            for _ in 4..<after { _ = random.next() }
            values += (0..<4).map { _ in random.next() }
            #expect(values == stream["values"]?.array?.compactMap(\.int), "seed \(stream["seed"] ?? 0)")
        }
    }

    @Test("Every name gets the seed, the number and the cluster that it gets in Go")
    func draws() throws {
        let fixture = try Self.fixture()
        let lists = try #require(fixture["lists"]?.array).map { list in
            (list.array ?? []).map { ($0["id"]?.string ?? "", $0["weight"]?.double ?? -1) }
        }
        let draws = try #require(fixture["draws"]?.array)
        #expect(draws.count >= 400)
        for draw in draws {
            let name = try #require(draw["name"]?.string)
            let list = lists[Int(try #require(draw["list"]?.int))]
            #expect(GoRandom.seed(name) == draw["seed"]?.int, "\(name)")
            var random = GoRandom(seed: GoRandom.seed(name))
            #expect(random.float32().bitPattern == UInt32(draw["bits"]?.int ?? 0), "\(name)")
            let clusters = try #require(WeightedClusters(list.map { (id: $0.0, weight: $0.1) }))
            #expect(clusters.cluster(forExecution: name) == draw["cluster"]?.string, "\(name) of \(list)")
        }
    }

    @Test("The two executions of the facts file get their clusters")
    func known() {
        let clusters = WeightedClusters([("c1", 1), ("c2", 1), ("c3", 1)])
        #expect(GoRandom.seed("e1") == 616_565_472_031_783_043)
        #expect(GoRandom.seed("exec-1") == -6_439_850_353_618_098_186)
        #expect(clusters?.cluster(forExecution: "e1") == "c3")
        #expect(clusters?.cluster(forExecution: "exec-1") == "c1")
    }

    @Test("A number that rounds to 1 is drawn again, as a double and as a float")
    func rounding() {
        var values: [Int64] = [.max, .max - 511, .max - (1 << 37), 1 << 62]
        #expect(GoRandom.float32 { values.removeFirst() } == 0.5)
        #expect(values.isEmpty)
    }

    @Test("Executions come to clusters as the weights say")
    func distribution() throws {
        let weights = [("dataplane_1", 0.5), ("dataplane_2", 0.3), ("dataplane_3", 0.2)]
        let clusters = try #require(WeightedClusters(weights.map { (id: $0.0, weight: $0.1) }))
        var counts: [String: Int] = [:]
        let executions = 4000
        for index in 0..<executions { counts[clusters.cluster(forExecution: "f\(index)x"), default: 0] += 1 }
        for (id, weight) in weights {
            let expected = weight * Double(executions)
            let deviation = (weight * (1 - weight) * Double(executions)).squareRoot()
            #expect(abs(Double(counts[id] ?? 0) - expected) < 4 * deviation, "\(id): \(counts)")
        }
    }
}
