import ControlLoop
import DataPlaneAgent
import Fleet
import Foundation
import Kube
import KubeObjects
import Support
import Testing

@testable import Operator

/// A page of metrics, read as Prometheus does.
private struct ParsedPage {
    var types: [String: String] = [:]
    /// The values by series with its labels, as in the text.
    var values: [String: Double] = [:]

    init(_ text: String) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if line.hasPrefix("# TYPE ") {
                types[String(words[2])] = String(words[3])
            } else if !line.hasPrefix("#"), let end = line.lastIndex(of: " ") {
                values[String(line[..<end])] = Double(line[line.index(after: end)...])
            }
        }
    }

    subscript(series: String) -> Double? { values[series] }
    func series(of family: MetricFamily) -> [String] {
        let name = family.rawValue + (family.kind == .histogram ? "_count" : "")
        return values.keys.filter { $0 == name || $0.hasPrefix(name + "{") }
    }
}

private func page(_ input: MetricsInput) -> ParsedPage { ParsedPage(MetricsPage(input).rendered) }

private func input() -> MetricsInput {
    var input = MetricsInput()
    input.isLeader = true
    input.dataPlanes = [MetricsInput.DataPlane(name: "dp-1")]
    input.conditions = [KindConditions("DataPlane", [ConditionSeries(kind: "DataPlane", name: "dp-1", [])])]
    input.process = ProcessStatistics.read()
    return input
}

@Suite("Metrics")
struct MetricsTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    @Test("docs/metrics.md has every metric with its type and labels, and no other")
    func documented() throws {
        let text = try String(contentsOf: Self.root.appendingPathComponent("docs/metrics.md"), encoding: .utf8)
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { row in
            row.split(separator: "|", omittingEmptySubsequences: false).map { $0.trimmingCharacters(in: .whitespaces) }
        }
        let families = MetricFamily.allCases
        #expect(rows.map { $0[1] } == families.map { "`\($0.rawValue)`" })
        #expect(rows.map { $0[2] } == families.map(\.kind.rawValue))
        #expect(rows.map { $0[3] } == families.map { $0.labels.map { "`\($0)`" }.joined(separator: ", ") })
    }

    @Test("Every metric has series before anything has happened")
    func fromTheStart() throws {
        var input = input()
        let counts = RequestCounts()
        let host = counts.host(ofServer: "https://dp-1.example.com:6443/prefix")
        input.requests = counts.all
        let page = page(input)
        for family in MetricFamily.allCases {
            #expect(page.types[family.rawValue] == family.kind.rawValue)
            #expect(!page.series(of: family).isEmpty, "\(family.rawValue)")
        }
        #expect(page[#"squadron_writes_total{dataplane="dp-1",result="failed"}"#] == 0)
        #expect(page[#"squadron_probes_total{dataplane="dp-1",outcome="TLSUntrusted"}"#] == 0)
        #expect(page[#"squadron_probe_duration_seconds_bucket{dataplane="dp-1",le="+Inf"}"#] == 0)
        #expect(page[#"squadron_credential_renewals_total{dataplane="dp-1",outcome="failed"}"#] == 0)
        #expect(
            page[#"squadron_credential_expiration_timestamp_seconds{dataplane="dp-1",credential="caCert"}"#]
                == .infinity)
        #expect(page[#"squadron_condition{kind="DataPlane",name="dp-1",type="Reachable",status="Unknown"}"#] == 1)
        #expect(page[#"squadron_condition{kind="DataPlane",name="dp-1",type="Reachable",status="True"}"#] == 0)
        #expect(page[#"rest_client_requests_total{code="200",method="GET",host="dp-1.example.com:6443"}"#] == 0)
        #expect(page[#"controller_runtime_reconcile_total{controller="namespace",result="error"}"#] == 0)
        #expect(host.name == "dp-1.example.com:6443")
    }

    @Test("A replica that does not lead tells of itself alone")
    func follower() {
        let page = page(MetricsInput())
        #expect(page["squadron_leader"] == 0)
        #expect(page.series(of: .buildInfo).count == 1)
        #expect(page.series(of: .condition).isEmpty && page.series(of: .writes).isEmpty)
    }

    @Test("What is counted of a data plane is shown, and goes with it")
    func goesWithItsObject() {
        let metrics = Metrics()
        metrics.wrote("dp-1", .applied)
        metrics.probed("dp-1", .failed(.timeout, "no answer"), took: .seconds(3))
        metrics.renewed("dp-1", .succeeded)
        var input = input()
        input.counts = metrics.counts
        let shown = page(input)
        #expect(shown[#"squadron_writes_total{dataplane="dp-1",result="applied"}"#] == 1)
        #expect(shown[#"squadron_probes_total{dataplane="dp-1",outcome="Timeout"}"#] == 1)
        #expect(shown[#"squadron_probe_duration_seconds_bucket{dataplane="dp-1",le="2.5"}"#] == 0)
        #expect(shown[#"squadron_probe_duration_seconds_bucket{dataplane="dp-1",le="5"}"#] == 1)
        #expect(shown[#"squadron_probe_duration_seconds_sum{dataplane="dp-1"}"#] == 3)
        #expect(shown[#"squadron_credential_renewals_total{dataplane="dp-1",outcome="succeeded"}"#] == 1)
        metrics.retain([])
        input.counts = metrics.counts
        input.dataPlanes = []
        #expect(!page(input).values.keys.contains { $0.contains(#"dataplane="dp-1""#) })
    }

    @Test("Reconciles are counted by controller and result")
    func reconciles() {
        let metrics = Metrics()
        metrics.reconciled(.registry, Controller<Int>.Outcome.done, took: .milliseconds(3))
        metrics.reconciled(.registry, Controller<Int>.Outcome.failed("why"), took: .seconds(2))
        metrics.reconciled(.registry, Controller<Int>.Outcome.requeue(after: .seconds(1)), took: .zero)
        var input = MetricsInput()
        input.counts = metrics.counts
        let page = page(input)
        for result in ["success", "error", "requeue_after"] {
            let series = #"controller_runtime_reconcile_total{controller="clusterregistry",result="\#(result)"}"#
            #expect(page[series] == 1)
        }
        #expect(page[#"controller_runtime_reconcile_errors_total{controller="clusterregistry"}"#] == 1)
        #expect(page[#"controller_runtime_reconcile_time_seconds_count{controller="clusterregistry"}"#] == 3)
    }

    @Test("Quotes, backslashes and line ends of a label's value are escaped")
    func escaping() {
        var text = MetricText()
        text.line(.conditionsLeftOut, ["a\"b\\c\nd"], 1)
        #expect(text.text == #"squadron_condition_objects_left_out{kind="a\"b\\c\nd"} 1"# + "\n")
    }

    @Test("Of many objects the page has those first that are not Ready, and counts the rest")
    func bounded() {
        func object(_ name: String, _ status: Condition.Status) -> ConditionSeries {
            let ready = Condition(
                type: "Ready", status: status, reason: "", message: "", observedGeneration: 1,
                lastTransitionTime: Timestamp(Instant(secondsSince1970: 0)))
            return ConditionSeries(kind: "FlyteProject", name: name, [ready])
        }
        let all = (0..<2000).map { object("p\($0)", .isTrue) } + [object("z", .isFalse)]
        let kept = KindConditions("FlyteProject", all)
        #expect(kept.objects.count == 1000 && kept.leftOut == 1001)
        #expect(kept.objects.contains { $0.name == "z" })
        #expect(kept.objects.map(\.name) == kept.objects.map(\.name).sorted())
    }

    @Test("promtool finds nothing to complain of")
    func promtool() throws {
        let paths = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/promtool" }
        guard let promtool = paths.first(where: FileManager.default.isExecutableFile) else { return }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: promtool)
        process.arguments = ["check", "metrics"]
        let (entry, complaints) = (Pipe(), Pipe())
        process.standardInput = entry
        process.standardError = complaints
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        try entry.fileHandleForWriting.write(contentsOf: Data(MetricsPage(input()).rendered.utf8))
        try entry.fileHandleForWriting.close()
        let said = complaints.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(String(decoding: said, as: UTF8.self))")
    }
}

@Suite("What metrics are made from")
struct MetricSourceTests {
    @Test("The process is read from /proc, whatever its name is")
    func process() throws {
        let stat =
            "42 (a) b (c) S 1 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 7 0 1000 8192000 300 18446744073709551615 1 1"
        let process = try #require(
            ProcessStatistics(stat: stat, bootTime: 1000, ticks: 100, pageSize: 4096, openFiles: 9, maxFiles: 64))
        #expect(process.cpuSeconds == 2 && process.startTime == 1010 && process.threads == 7)
        #expect(process.virtualBytes == 8_192_000 && process.residentBytes == 300 * 4096)
        #expect(ProcessStatistics(stat: "x", bootTime: 0, ticks: 1, pageSize: 1, openFiles: 0, maxFiles: 0) == nil)
        let own = try #require(ProcessStatistics.read())
        #expect(own.residentBytes > 1 << 20 && own.openFiles > 2 && own.maxFiles > 10 && own.threads > 0)
        let now = WallClock.system.now.secondsSince1970
        #expect(own.startTime > now - 86_400 && own.startTime <= now + 1)
    }
}
