import Foundation
import JSON
import Testing
import YAML

@testable import Fleet

@Suite("What Argo CD and Flux are given")
struct GitOpsTests {
    @Test("Argo CD has one health script for all of our kinds")
    func health() throws {
        let file = try YAML.parse(Repository.text("manifests/gitops/argo-cd-health.yaml"))
        let scripts = try #require(file["data"]?.object)
        #expect(
            Set(scripts.keys)
                == Set(Kind.all.map { "resource.customizations.health.multicluster.flyte.org_\($0.type.kind)" }))
        #expect(Set(scripts.values.compactMap(\.string)).count == 1)
        let script = try #require(scripts.values.first?.string)
        for type: ConditionType in [.ready, .stalled] {
            #expect(script.contains("condition.type == \"\(type.rawValue)\""))
        }
        #expect(script.contains("condition.reason == \"\(Reason.disabled)\""))
    }

    @Test("The objects of the examples can be used, and no DataPlane among them is pruned")
    func examples() throws {
        var planes = 0
        for name in ["argo-cd-example.yaml", "flux-example.yaml"] {
            for document in try YAML.documents(Repository.text("manifests/gitops/\(name)")) {
                let object = try document.json()
                let kind = try #require(object["kind"]?.string)
                guard let known = Kind.all.first(where: { $0.type.kind == kind }) else { continue }
                _ = try known.readSpec(object["spec"] ?? [:])
                guard kind == "DataPlane" else { continue }
                planes += 1
                let label = object[path: ["metadata", "labels", "kustomize.toolkit.fluxcd.io/prune"]]
                let options = object[path: ["metadata", "annotations", "argocd.argoproj.io/sync-options"]]
                #expect(label == "disabled" || options == "Prune=false,Delete=false", "\(name)")
            }
        }
        #expect(planes == 2)
    }
}
