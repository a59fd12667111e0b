import Fleet
import FlyteAdmin
import JSON
import Kube
import Logging
import Support
import TestSupport
import Testing

@testable import DevFlyteAdmin
@testable import Operator

@Suite("Reading flyteadmin's CLUSTER_RESOURCE attributes")
struct ClusterResourceReadingTests {
    private let flyteAdmin = MemoryFlyteAdmin(projects: [])
    private let controlPlane = PathAPI()
    private let events = Observed<[String]>([])
    private var client: FlyteAdminClient { FlyteAdminClient(endpoint: "https://flyteadmin", transport: flyteAdmin) }

    /// As a process that has just become the leader.
    private func reading() -> (ClusterResourceReading, FlyteAdminReports) {
        let reports = FlyteAdminReports()
        let access = ReadingNotes<ClusterResourceAttributes>.Access(
            mayWrite: { true }, gate: WriteGate(),
            warn: { [events] reason, note in events.update { $0.append("\(reason): \(note)") } },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let notes = ReadingNotes<ClusterResourceAttributes>(
            client: KubeClient(
                server: "https://control-plane", transport: controlPlane, authorization: NoAuthorization(),
                options: .init(userAgent: "squadron-test")), namespace: "flyte", access)
        return (ClusterResourceReading(notes: notes, reports: reports, access), reports)
    }

    private func set(_ projects: some Sequence<Int>, cpu: String = "1") {
        flyteAdmin.edit { tables in
            tables.rows = [:]
            for number in projects {
                let id = Tables.RowID(project: "p\(number)", domain: "d", type: .clusterResource)
                tables.rows[id] = ["cluster_resource_attributes": ["attributes": ["cpu": .string(cpu)]]]
            }
        }
    }

    @Test("A reading without most of the rows counts at the third poll, as a whole")
    func doubt() async {
        var (reading, reports) = reading()
        set(0..<20)
        #expect(await reading.look(client))
        set(0..<5, cpu: "2")
        for left in [2, 1] {
            #expect(await !reading.look(client))
            #expect(reports.clusterResources?.keys.count == 20)
            #expect(events.value.last?.contains("15 of 20 are missing") == true)
            #expect(events.value.last?.contains("when \(left) more polls") == true)
        }
        #expect(await reading.look(client))
        #expect(reports.clusterResources?.keys.count == 5)
        #expect(reports.clusterResources?["p0"]?["d"]?.values == ["cpu": "2"])
        #expect(events.value.count == 2)
    }

    @Test("Fewer rows than half, or a poll that says otherwise, are believed at once")
    func belief() async {
        var (reading, reports) = reading()
        set(0..<20)
        _ = await reading.look(client)
        set([])
        #expect(await !reading.look(client))
        // It was a list that was cut off.
        set(0..<20, cpu: "2")
        #expect(await reading.look(client))
        set(0..<11)
        #expect(await reading.look(client))
        #expect(reports.clusterResources?.keys.count == 11)
        set([])
        for _ in 0..<2 { #expect(await !reading.look(client)) }
        #expect(reports.clusterResources?.keys.count == 11, "the doubt began anew")
    }

    @Test("After a restart in doubt, the notes stay in force, and the doubt starts again")
    func restart() async {
        var (first, _) = reading()
        set(0..<20)
        _ = await first.look(client)
        set([])
        for _ in 0..<2 { _ = await first.look(client) }
        var (second, reports) = reading()
        #expect(await second.recall())
        #expect(reports.clusterResources?.keys.count == 20)
        #expect(await !second.look(client))
        flyteAdmin.add { _ in .timesOut }
        #expect(await !second.look(client))
        #expect(second.problem?.needsPerson == false)
        #expect(events.value.last?.hasSuffix("those read before stay in force") == true)
        flyteAdmin.heal()
        #expect(await !second.look(client))
        #expect(await second.look(client))
        #expect(reports.clusterResources?.keys.isEmpty == true)
        var (third, after) = reading()
        _ = await third.recall()
        #expect(after.clusterResources?.keys.isEmpty == true, "it was noted")
    }

    @Test("A failed write of the notes changes no values, and is repeated")
    func notes() async {
        var (reading, reports) = reading()
        controlPlane.add { $0.method == .patch ? .timesOut : nil }
        set(0..<3)
        #expect(await reading.look(client))
        #expect(reports.clusterResources?.keys.count == 3 && controlPlane.objects.isEmpty)
        #expect(events.value.first?.hasPrefix("AttributesNotNoted") == true)
        controlPlane.heal()
        _ = await reading.look(client)
        #expect(controlPlane.objects.count == 1)
    }

    @Test("The reason why all project-domains wait is kept for the conditions")
    func problems() async {
        var (reading, reports) = reading()
        flyteAdmin.add { _ in .refuses(403, "not you") }
        _ = await reading.look(client)
        #expect(reports.clusterResources == nil)
        #expect(reading.problem?.needsPerson == true && reading.problem?.text.contains("not you") == true)
        #expect(!reading.isFirst && !reading.isAwaited)
        reading.startAnew()
        #expect(reading.isAwaited && reading.problem == nil)
    }
}
