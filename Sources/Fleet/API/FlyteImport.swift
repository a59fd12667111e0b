import JSON
import YAML

/// Flyte's `templateData` and `customData` in the form of its Helm values, so that they can be pasted unchanged:
///
/// ```yaml
/// templateData: {projectQuotaCpu: {value: "5"}}
/// customData:
/// - production:
///   - projectQuotaCpu: {value: "20"}
/// ```
/// Flyte writes some maps as lists of maps with a single key, because its configuration library would change keys to
/// lower case. Both forms are read, in either place. `values` and `domainValues` win over them.
///
/// All other fields of Flyte's `cluster_resources` (`refreshInterval`, `templatePath`, …) are ignored. The key
/// `cluster_resources` may stand around the whole, as in the ConfigMap that the chart renders.
public struct FlyteImport: Sendable, Hashable, Codable {
    public var templateData: TemplateValues = [:]
    public var customData: [String: TemplateValues] = [:]
    /// Why values are still missing. Nothing may be rendered meanwhile. It is never part of the object.
    public var gap: Gap?

    public enum Gap: Sendable, Hashable {
        /// The ConfigMap of `importFrom` has not been read yet.
        case pending
        /// The ConfigMap can't be used. The text is the whole message.
        case unusable(String)
    }

    private enum CodingKeys: String, CodingKey { case templateData, customData }

    public init(templateData: TemplateValues = [:], customData: [String: TemplateValues] = [:], gap: Gap? = nil) {
        self.templateData = templateData
        self.customData = customData
        self.gap = gap
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AnyKey.self)
        // Flyte's configuration library ignores case.
        func key(_ name: String) -> AnyKey? { container.allKeys.first { $0.stringValue.lowercased() == name } }
        if let wrapper = key("cluster_resources") {
            self = try container.decode(FlyteImport.self, forKey: wrapper)
            return
        }
        if let key = key("templatedata") {
            templateData = try container.value(key, default: LooseMap<DataSource>()).entries.mapValues(\.value)
        }
        if let key = key("customdata") {
            customData = try container.value(key, default: LooseMap<LooseMap<DataSource>>()).entries.mapValues {
                $0.entries.mapValues(\.value)
            }
        }
    }

    /// Reads the file `cluster_resources.yaml` of the chart's ConfigMap.
    public init(parsing text: String) throws(SpecProblem) {
        let place = "cluster_resources.yaml"
        let json: JSON
        do {
            json = try YAML.parse(text)
        } catch {
            throw SpecProblem("\(place), line \(error.line)", error.message.shortForMessage)
        }
        if json.isNull {
            self.init()
            return
        }
        do {
            self = try json.decode(FlyteImport.self)
        } catch {
            throw SpecProblem(error.path.isEmpty ? place : "\(place), \(error.path)", error.message)
        }
        if let problem = (problems(at: place) + helmExpressions(at: place)).first { throw problem }
    }

    /// Merges both. Of two values with one name, the other's wins.
    public func overlaid(by other: FlyteImport?) -> FlyteImport {
        guard let other else { return self }
        var result = self
        result.templateData.merge(other.templateData) { $1 }
        for (domain, values) in other.customData { result.customData[domain, default: [:]].merge(values) { $1 } }
        return result
    }

    func problems(at path: String) -> [SpecProblem] {
        ValueRules.problems(of: templateData, at: path + ".templateData")
            + ValueRules.problems(ofDomains: customData, at: path + ".customData")
    }

    func helmExpressions(at path: String) -> [SpecProblem] {
        HelmExpressions.problems(of: templateData, at: path + ".templateData")
            + HelmExpressions.problems(ofDomains: customData, at: path + ".customData")
    }
}

private struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

/// `{value: "5"}`, or the value itself.
private struct DataSource: Decodable {
    var value: TemplateValue

    private enum CodingKeys: String, CodingKey { case value, valueFrom }

    init(from decoder: any Decoder) throws {
        if let plain = try? decoder.singleValueContainer().decode(TemplateValue.self) {
            value = plain
            return
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if container.contains(.valueFrom) {
            throw DecodingError.dataCorruptedError(
                forKey: .valueFrom, in: container,
                debugDescription: "flyteadmin's environment and files can't be read here: use spec.valuesFrom instead")
        }
        value = try container.decode(TemplateValue.self, forKey: .value)
    }
}

/// A map, or a list of maps with one key each.
private struct LooseMap<Value: Decodable>: Decodable {
    var entries: [String: Value] = [:]

    init() {}
    init(from decoder: any Decoder) throws {
        guard (try? decoder.unkeyedContainer()) != nil else {
            entries = try decoder.singleValueContainer().decode([String: Value].self)
            return
        }
        for (index, element) in try decoder.singleValueContainer().decode([[String: Value]].self).enumerated() {
            for (key, value) in element {
                guard entries.updateValue(value, forKey: key) == nil else {
                    throw DecodingError.dataCorrupted(
                        .init(
                            codingPath: decoder.codingPath + [ListIndex(intValue: index)],
                            debugDescription: "\(key.quotedForMessage) appears twice"))
                }
            }
        }
    }
}

private struct ListIndex: CodingKey {
    var intValue: Int?
    var stringValue: String { String(intValue ?? 0) }
    init(intValue: Int) { self.intValue = intValue }
    init?(stringValue: String) { nil }
}
