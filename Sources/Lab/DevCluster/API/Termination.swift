import JSON
import KubeObjects
import Support

/// Deletes namespaces with their content, and CRDs with their objects. Refuses new objects in them meanwhile.
extension APIServer {
    func createSystemNamespaces() {
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            let namespace: JSON = [
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": ["name": .string(name), "labels": [NamespaceStrategy.nameLabel: .string(name)]],
                "spec": ["finalizers": ["kubernetes"]], "status": ["phase": "Active"],
            ]
            // It is already there after a restart with data.
            _ = try? store.create(.namespaces, namespace)
        }
    }

    /// Refuses to create in a namespace that does not exist or is being deleted.
    func requireActive(_ namespace: String, for object: JSON, _ definition: ResourceDefinition) throws(APIError) {
        guard let stored = store.stored(.namespaces, namespace) else { throw .notFound(.namespaces, namespace) }
        let isEnding =
            stored.content.value(at: ["metadata", "deletionTimestamp"]) != nil
            || stored.content.value(at: ["status", "phase"]) == "Terminating"
        guard isEnding else { return }
        throw .forbidden(
            definition.groupResource, object["metadata"]?["name"]?.string ?? "",
            "unable to create new content in namespace \(namespace) because it is being terminated",
            causes: [
                APIError.Cause(
                    reason: "NamespaceTerminating", message: "namespace \(namespace) is being terminated",
                    field: "metadata.namespace")
            ])
    }

    /// From now on, holds deleted namespaces Terminating for this long. Nil holds them until the next call. Namespaces
    /// that are no longer held go at once.
    public func setNamespaceTerminationDelay(_ delay: Duration?) {
        terminationDelay.withLock { $0 = delay }
        if delay == .zero { for namespace in terminatingNamespaces { finish(namespace) } }
    }

    private var terminatingNamespaces: [String] {
        store.list(.namespaces).filter { $0["metadata"]?["deletionTimestamp"] != nil }
            .compactMap { $0["metadata"]?["name"]?.string }
    }

    /// Called when a deletion was requested and something holds the object.
    func startTermination(_ object: JSON, _ definition: ResourceDefinition) {
        let name = object["metadata"]?["name"]?.string ?? ""
        if definition.storage == .namespaces {
            if terminationDelay.withLock({ $0 == .zero }) { finish(name) }
        } else if definition.storage == .customResourceDefinitions {
            finishDefinition(object)
        }
    }

    /// Called when an object is gone. It may have been the last one that held a namespace or a CRD.
    func removed(_ namespace: String?, _ definition: ResourceDefinition) {
        if let namespace, terminationDelay.withLock({ $0 == .zero }),
            store.stored(.namespaces, namespace)?.content.value(at: ["metadata", "deletionTimestamp"]) != nil
        {
            finish(namespace)
        }
        if definition.isCustom {
            let name = "\(definition.plural).\(definition.group)"
            if let crd = store.get(.customResourceDefinitions, name: name), crd["metadata"]?["deletionTimestamp"] != nil
            {
                finishDefinition(crd)
            }
        }
    }

    /// Deletes a namespace's content and, once there is none, the namespace.
    func finish(_ namespace: String) {
        var remaining: [(resource: GroupResource, count: Int, finalizers: [String])] = []
        for resource in store.resources where resource != .namespaces {
            let left = deleteAll(resource, namespace: namespace)
            if !left.isEmpty { remaining.append((resource, left.count, left.flatMap { $0 })) }
        }
        let time = timestamp
        let hasContent = !remaining.isEmpty
        _ = try? store.update(.namespaces, name: namespace) { object in
            guard object["metadata"]?["deletionTimestamp"] != nil else { return false }
            if hasContent {
                object[path: ["status", "conditions"]] = Self.conditions(
                    remaining, old: object["status"]?["conditions"], at: time)
            } else {
                let left = (object["spec"]?["finalizers"]?.array ?? []).filter { $0 != "kubernetes" }
                object["spec"] = left.isEmpty ? [:] : ["finalizers": .array(left)]
            }
            return true
        }
        guard let object = store.get(.namespaces, name: namespace), object["metadata"]?["deletionTimestamp"] != nil,
            object["spec"]?["finalizers"]?.array?.isEmpty ?? true,
            object["metadata"]?["finalizers"]?.array?.isEmpty ?? true
        else { return }
        store.delete(.namespaces, name: namespace)
    }

    /// Removes what nothing holds and marks the rest; returns the finalizers of each object that stays.
    private func deleteAll(_ resource: GroupResource, namespace: String?) -> [[String]] {
        var left: [[String]] = []
        for object in store.list(resource, namespace: namespace) {
            guard let name = object["metadata"]?["name"]?.string else { continue }
            let place = object["metadata"]?["namespace"]?.string
            if namespace != nil, place != namespace { continue }
            let finalizers = (object["metadata"]?["finalizers"]?.array ?? []).compactMap(\.string)
            if finalizers.isEmpty {
                store.delete(resource, namespace: place, name: name)
                continue
            }
            left.append(finalizers)
            let time = timestamp
            _ = try? store.update(resource, namespace: place, name: name) { object in
                guard object["metadata"]?["deletionTimestamp"] == nil else { return false }
                object[path: ["metadata", "deletionTimestamp"]] = .string(time)
                object[path: ["metadata", "deletionGracePeriodSeconds"]] = 0
                if let generation = object["metadata"]?["generation"]?.int {
                    object[path: ["metadata", "generation"]] = .int(generation &+ 1)
                }
                return true
            }
        }
        return left
    }

    private static func conditions(
        _ remaining: [(resource: GroupResource, count: Int, finalizers: [String])], old: JSON?, at time: String
    ) -> JSON {
        let resources = remaining.map { "\($0.resource) has \($0.count) resource instances" }.sorted()
        var counts: [String: Int] = [:]
        for finalizer in remaining.flatMap(\.finalizers) { counts[finalizer, default: 0] += 1 }
        let finalizers = counts.map { "\($0.key) in \($0.value) resource instances" }.sorted()
        func condition(_ type: String, _ status: String, _ reason: String, _ message: String) -> JSON {
            let before = old?.array?.first { $0["type"]?.string == type }
            let since =
                before?["status"]?.string == status ? before?["lastTransitionTime"] ?? .string(time) : .string(time)
            return [
                "type": .string(type), "status": .string(status), "reason": .string(reason),
                "message": .string(message),
                "lastTransitionTime": since,
            ]
        }
        return .array([
            condition(
                "NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered",
                "All resources successfully discovered"),
            condition(
                "NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions",
                "All legacy kube types successfully parsed"),
            condition(
                "NamespaceDeletionContentFailure", "False", "ContentDeleted",
                "All content successfully deleted, may be waiting on finalization"),
            condition(
                "NamespaceContentRemaining", "True", "SomeResourcesRemain",
                "Some resources are remaining: " + resources.joined(separator: ", ")),
            condition(
                "NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain",
                "Some content in the namespace has finalizers remaining: " + finalizers.joined(separator: ", ")),
        ])
    }

    /// Deletes the objects of a CRD and, once there are none, the CRD.
    private func finishDefinition(_ crd: JSON) {
        guard let group = crd["spec"]?["group"]?.string, let plural = crd["spec"]?["names"]?["plural"]?.string,
            let name = crd["metadata"]?["name"]?.string
        else { return }
        guard deleteAll(GroupResource(plural, group: group), namespace: nil).isEmpty else { return }
        let cleanup = JSON.string(CustomResourceDefinitionStrategy.cleanupFinalizer)
        _ = try? store.update(.customResourceDefinitions, name: name) { object in
            let left = (object["metadata"]?["finalizers"]?.array ?? []).filter { $0 != cleanup }
            object[path: ["metadata", "finalizers"]] = .array(left)
            if left.isEmpty { object[path: ["metadata", "finalizers"]] = nil }
            return true
        }
        if let object = store.get(.customResourceDefinitions, name: name), object["metadata"]?["finalizers"] == nil {
            store.delete(.customResourceDefinitions, name: name)
            store.wakeReaders(of: GroupResource(plural, group: group))
        }
    }

    /// Ends namespaces whose delay is over. It runs until its task is cancelled, beside the task that serves the API.
    public func run() async {
        await withTaskGroup(of: Void.self) { group in
            for await change in store.changes(of: .namespaces) where change.kind != .deleted {
                guard change.object["metadata"]?["deletionTimestamp"] != nil,
                    let delay = terminationDelay.withLock({ $0 }),
                    change.object["spec"]?["finalizers"] != nil
                else { continue }
                let timer = timer
                group.addTask {
                    if delay > .zero {
                        guard (try? await timer.sleep(for: delay)) != nil else { return }
                    }
                    // It may be held again in the meantime.
                    if self.terminationDelay.withLock({ $0 }) != nil { self.finish(change.name) }
                }
            }
        }
    }
}

extension CustomResourceDefinitionStrategy {
    /// A CRD whose deletion was requested waits for its objects.
    static func terminate(_ object: inout JSON, at time: String) {
        var finalizers = object["metadata"]?["finalizers"]?.array ?? []
        if !finalizers.contains(.string(cleanupFinalizer)) { finalizers.append(.string(cleanupFinalizer)) }
        object[path: ["metadata", "finalizers"]] = .array(finalizers)
        var conditions = object["status"]?["conditions"]?.array ?? []
        conditions.append([
            "type": "Terminating", "status": "True", "reason": "InstanceDeletionPending",
            "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
            "lastTransitionTime": .string(time),
        ])
        object[path: ["status", "conditions"]] = .array(conditions)
    }
}
