import Foundation
import JSON
import TestSupport
import Testing
import YAML

/// A Helm chart in manifests. Values that need helm are nil if helm isn't in PATH (CI has none).
struct Chart {
    var folder: String

    func yaml(_ file: String) throws -> JSON { try YAML.parse(Repository.text("\(folder)/\(file)")) }

    func expectOwnVersion(kubernetes: String) throws {
        let chart = try yaml("Chart.yaml")
        let source = try Repository.text("Sources/Operator/Version.swift")
        let version = source.components(separatedBy: "current = \"").last?.prefix { $0 != "\"" }
        #expect(chart["version"]?.string == version.map(String.init) && chart["appVersion"] == chart["version"])
        #expect(chart["kubeVersion"]?.string == kubernetes)
    }

    func expectSchemaOfValues() throws {
        let schema = try JSON(parsing: Array(Repository.text("\(folder)/values.schema.json").utf8))
        let values = try yaml("values.yaml")
        let known = Set((schema["properties"]?.object ?? [:]).keys).subtracting(["global"])
        #expect(Set((values.object ?? [:]).keys) == known && schema["additionalProperties"] == false)
        for (name, value) in values.object ?? [:] {
            let properties = schema[path: ["properties", name, "properties"]]?.object
            if let properties { #expect(Set(properties.keys) == Set((value.object ?? [:]).keys), "\(name)") }
        }
    }

    static func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, text: String)? {
        let paths = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(program)" }
        guard let path = paths.first(where: FileManager.default.isExecutableFile) else {
            report("\(program) isn't there: a test of the charts is left out")
            return nil
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.currentDirectoryURL = Repository.root
        let (output, complaints) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = complaints
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        let said = complaints.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = process.terminationStatus == 0 ? data : said
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }

    func template(
        _ arguments: [String] = [], namespace: String = "flyte", kubernetes: String = "1.36.0"
    ) throws -> (status: Int32, text: String)? {
        let place = ["--namespace", namespace, "--kube-version", kubernetes]
        return try Self.run("helm", ["template", "squadron", folder] + place + arguments)
    }

    /// The objects by kind, namespace and name, without fields that only Helm needs.
    static func objects(_ text: String) throws -> [String: JSON] {
        try YAML.documents(text).map { try $0.json() }.reduce(into: [:]) { all, object in
            var object = object
            guard let kind = object["kind"]?.string, let name = object[path: ["metadata", "name"]]?.string else {
                return
            }
            let annotations = object[path: ["metadata", "annotations"]]?.object
            if annotations == ["helm.sh/resource-policy": "keep"] { object["metadata"]?["annotations"] = nil }
            let namespace = object[path: ["metadata", "namespace"]]?.string ?? ""
            #expect(all.updateValue(object, forKey: "\(kind) \(namespace)/\(name)") == nil, "\(kind) \(name) twice")
        }
    }

    static func compare(_ rendered: [String: JSON], _ wanted: [String: JSON]) {
        #expect(Set(rendered.keys) == Set(wanted.keys))
        for (key, object) in wanted { #expect(rendered[key] == object, "\(key)") }
    }
}
