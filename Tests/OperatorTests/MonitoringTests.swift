import Foundation
import JSON
import Testing
import YAML

@testable import Operator

/// What users have of the metrics: alerts, a dashboard, and the pages that explain them.
@Suite("Alerts, dashboard and runbook")
struct MonitoringTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private func text(_ path: String) throws -> String {
        try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
    }
    private func rules() throws -> JSON { try YAML.parse(text("manifests/monitoring/rules.yaml")) }
    private func alerts() throws -> [JSON] { try rules()["groups"]?.array?.first?["rules"]?.array ?? [] }

    /// The names of metrics in a query of Prometheus.
    private func metrics(in query: String) -> Set<String> {
        let prefixes = ["squadron_", "process_", "workqueue_", "controller_runtime_", "rest_client_"]
        let words = query.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
        return Set(words.filter { word in prefixes.contains { word.hasPrefix($0) } })
    }
    private static let known = Set(
        MetricFamily.allCases.flatMap { family in
            family.kind == .histogram
                ? ["_bucket", "_sum", "_count"].map { family.rawValue + $0 } : [family.rawValue]
        })

    @Test("Each alert uses metrics that exist, and its link leads to a part of the runbook")
    func rulesAreWhole() throws {
        let alerts = try alerts()
        let headings = Set(
            try text("docs/runbook.md").split(separator: "\n").filter { $0.hasPrefix("### ") }
                .map { $0.dropFirst(4).lowercased() })
        #expect(alerts.count == 10)
        for alert in alerts {
            let name = alert["alert"]?.string ?? ""
            let used = metrics(in: alert["expr"]?.string ?? "")
            #expect(!used.isEmpty && used.isSubset(of: Self.known), "\(name): \(used)")
            #expect(alert[path: ["annotations", "runbook_url"]]?.string == "docs/runbook.md#\(name.lowercased())")
            #expect(headings.contains(name.lowercased()), "\(name)")
            #expect(alert["for"] != nil && alert[path: ["annotations", "summary"]] != nil)
        }
        #expect(headings.count == alerts.count)
    }

    @Test("The Prometheus operator is given the same rules")
    func prometheusRule() throws {
        let rule = try YAML.parse(text("manifests/components/monitoring/prometheus-rule.yaml"))
        let expected = try rules()
        #expect(rule["kind"] == "PrometheusRule" && rule["spec"] == expected)
    }

    @Test("Each panel of the dashboard shows metrics that exist")
    func dashboard() throws {
        let json = try JSON(parsing: Array(text("manifests/monitoring/dashboard.json").utf8))
        let panels = (json["panels"]?.array ?? []).filter { $0["type"] != "row" }
        #expect(panels.count > 20)
        for panel in panels {
            let queries = (panel["targets"]?.array ?? []).compactMap { $0["expr"]?.string }
            let used = Set(queries.flatMap { metrics(in: $0) })
            #expect(!used.isEmpty && used.isSubset(of: Self.known), "\(panel["title"]?.string ?? ""): \(used)")
        }
        for variable in json[path: ["templating", "list"]]?.array ?? [] {
            let used = metrics(in: variable["query"]?.string ?? "")
            #expect(used.isSubset(of: Self.known))
        }
    }

    @Test("The runbook and the API reference have each reason of the code")
    func reasons() throws {
        let source = try text("Sources/Fleet/Conditions/Conditions.swift")
        let reasons = source.split(separator: "\n").compactMap { line -> String? in
            let line = line.trimmingCharacters(in: .whitespaces)
            guard line.hasPrefix("case ") || line.hasPrefix("public static let "), line.hasSuffix("\"") else {
                return nil
            }
            return line.split(separator: "\"").last.map(String.init)
        }
        let types = Set(
            source.components(separatedBy: "enum ConditionType").last?.components(separatedBy: "\n}").first?
                .split(separator: "\"").map(String.init) ?? [])
        #expect(reasons.count > 60)
        let entries = Set(
            try text("docs/runbook.md").split(separator: "\n").filter { $0.hasPrefix("| `") }
                .compactMap { $0.split(separator: "`").dropFirst().first.map(String.init) })
        let missing = Set(reasons).subtracting(types).subtracting(entries)
        #expect(missing.isEmpty, "docs/runbook.md says nothing of \(missing.sorted())")
        let reference = try text("docs/api.md")
        let unlisted = Set(reasons).subtracting(types).filter { !reference.contains("`\($0)`") }
        #expect(unlisted.isEmpty, "the table in Conditions.swift lacks \(unlisted.sorted())")
    }
}
