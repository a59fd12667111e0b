import Fleet
import JSON
import KubeObjects
import Support

extension FleetFlow {
    /// A project-domain or a workflow, and the label that decides for it.
    struct Source: Sendable, Hashable, Comparable {
        var name: String
        /// Empty: no label does.
        var decides: String
        var trouble = ""

        static func < (left: Self, right: Self) -> Bool { (left.name, left.trouble) < (right.name, right.trouble) }
    }

    /// What flyteadmin would do, by the rules of `explain`. One placement for each label is enough, since the
    /// assignments alone decide which label applies.
    final class Answers {
        /// The labels of all ExecutionLabels, and the default label.
        let labels: Set<String>
        let defaultLabel: String
        private let fleet: PlacementFleet
        private var known: [String: Placement] = [:]

        init(_ objects: ControlPlaneObjects, now: Instant) {
            var all = FleetObjects(namespace: objects.namespace)
            for type in ControlPlaneReader.kinds {
                for object in objects[type] {
                    var json = object.json  // a list names the kind only once
                    json["apiVersion"] = .string(type.apiVersion)
                    json["kind"] = .string(type.kind)
                    all.add(json)
                }
            }
            if let name = all.publishes?.name, case .present(let data)? = objects.configMaps[name] {
                all.add([
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": ["name": .string(name), "namespace": .string(objects.namespace)],
                    "data": .object(data.mapValues { .string($0) }),
                ])
            }
            fleet = all.fleet(now: now).fleet
            defaultLabel = fleet.configuration.defaultExecutionLabel
            labels = Set(all.labels.values.map(\.label)).union(defaultLabel.isEmpty ? [] : [defaultLabel])
        }

        /// The placement of an execution with this label. Empty: without a label.
        func placement(ofLabel label: String) -> Placement {
            if let placement = known[label] { return placement }
            // No project can have this name, so only the label decides.
            let placement = fleet.placement(of: .init(project: "", domain: "", label: label.isEmpty ? nil : label))
            known[label] = placement
            return placement
        }

        /// The wanted project-domains, and the workflows that have a label of their own.
        func sources(_ wanted: [ProjectDomain]) -> [Source] {
            var keys = Set(wanted.map { AdminRowKey(project: $0.project, domain: $0.domain) })
            keys.formUnion(fleet.assignments.keys.filter { !$0.workflow.isEmpty })
            return keys.map { key in
                let workflow = key.workflow.isEmpty ? nil : fleet.assignments[key]
                let own = workflow ?? fleet.assignments[key.projectDomain] ?? fleet.assignments[key.wholeProject]
                let parts = [key.project, key.domain, key.workflow].filter { !$0.isEmpty }
                let decides = placement(ofLabel: own ?? "").label
                let isLost = own != nil && own != decides
                return Source(
                    name: parts.joined(separator: "/"), decides: decides,
                    trouble: isLost ? "its label \(own ?? "") has no effect" : "")
            }
        }
    }
}
