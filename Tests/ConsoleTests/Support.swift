import Fleet
import JSON
import KubeObjects
import Support
import YAML

@testable import Console

/// 2026-06-01T12:00:00Z.
let now = Timestamp("2026-06-01T12:00:00Z")!.instant

/// The objects of a YAML text, as a control plane would list them. What has no namespace is in `flyte`.
func objects(_ text: String) throws -> ControlPlaneObjects {
    var result = ControlPlaneObjects(namespace: "flyte")
    let types = Dictionary(uniqueKeysWithValues: ControlPlaneReader.kinds.map { ($0.kind, $0) })
    for document in try YAML.documents(text) {
        let json = try document.json()
        let kind = json["kind"]?.string ?? ""
        if kind == "ConfigMap" {
            let map = try ConfigMap(json: json)
            result.add(configMap: map.metadata.name, .present(map.data))
        } else if let type = types[kind] {
            result.add(type, [try DynamicObject(json: json)])
        }
    }
    return result
}

func text(_ report: some Report) -> String { report.rendered(as: .text) }
