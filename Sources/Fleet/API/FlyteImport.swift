/// Flyte's `templateData` and `customData` as its Helm values have them, so that they can be pasted as they are:
///
/// ```yaml
/// templateData: {projectQuotaCpu: {value: "5"}}
/// customData:
/// - production:
///   - projectQuotaCpu: {value: "20"}
/// ```
/// Flyte writes maps as lists of single-key maps where its configuration library would lowercase their keys; both forms
/// are read, in either place. They are weaker than `values` and `domainValues`.
public struct FlyteImport: Sendable, Hashable, Codable {
    public var templateData: TemplateValues = [:]
    public var customData: [String: TemplateValues] = [:]

    public init(templateData: TemplateValues = [:], customData: [String: TemplateValues] = [:]) {
        self.templateData = templateData
        self.customData = customData
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        templateData = try container.value(.templateData, default: LooseMap<DataSource>()).entries.mapValues(\.value)
        customData = try container.value(.customData, default: LooseMap<LooseMap<DataSource>>()).entries.mapValues {
            $0.entries.mapValues(\.value)
        }
    }

    func problems(at path: String) -> [SpecProblem] {
        ValueRules.problems(of: templateData, at: path + ".templateData")
            + ValueRules.problems(ofDomains: customData, at: path + ".customData")
    }
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
        guard var list = try? decoder.unkeyedContainer() else {
            entries = try decoder.singleValueContainer().decode([String: Value].self)
            return
        }
        while !list.isAtEnd {
            for (key, value) in try list.decode([String: Value].self) {
                guard entries.updateValue(value, forKey: key) == nil else {
                    throw DecodingError.dataCorruptedError(
                        in: list, debugDescription: "\(key.quotedForMessage) is there twice")
                }
            }
        }
    }
}
