import JSON
import Support

/// The tables of built-in kinds, as kubectl shows them.
struct NamespaceColumns: TableColumns {
    let columns = [TableColumn.name, TableColumn(name: "Status", description: "Active or Terminating."), .age]
    func cells(_ object: JSON, now: Instant) -> [JSON] {
        [Cell.name(object), object["status"]?["phase"] ?? "", Cell.age(object, now: now)]
    }
}

struct ConfigMapColumns: TableColumns {
    let columns = [
        TableColumn.name, TableColumn(name: "Data", type: "string", description: "How many keys it has."), .age,
    ]
    func cells(_ object: JSON, now: Instant) -> [JSON] {
        let count = (object["data"]?.object?.count ?? 0) + (object["binaryData"]?.object?.count ?? 0)
        return [Cell.name(object), .int(Int64(count)), Cell.age(object, now: now)]
    }
}

struct SecretColumns: TableColumns {
    let columns = [
        TableColumn.name, TableColumn(name: "Type", description: "What the secret is for."),
        TableColumn(name: "Data", type: "string", description: "How many keys it has."), .age,
    ]
    func cells(_ object: JSON, now: Instant) -> [JSON] {
        [Cell.name(object), object["type"] ?? "", Cell.count(object["data"]), Cell.age(object, now: now)]
    }
}

struct EventColumns: TableColumns {
    let columns = [
        TableColumn(name: "Last Seen", description: "When it happened last."),
        TableColumn(name: "Type", description: "Normal or Warning."),
        TableColumn(name: "Reason", description: "Why, as a word."),
        TableColumn(name: "Object", description: "What it happened to."),
        TableColumn(name: "Subobject", description: "Which part of it.", priority: 1),
        TableColumn(name: "Source", description: "Who reports it.", priority: 1),
        TableColumn(name: "Message", description: "What happened."),
        TableColumn(name: "First Seen", description: "When it happened first.", priority: 1),
        TableColumn(name: "Count", description: "How often.", priority: 1),
        TableColumn(name: "Name", format: "name", description: "The event's name.", priority: 1),
    ]
    func cells(_ object: JSON, now: Instant) -> [JSON] {
        let event = object["regarding"] == nil ? object : EventConversion.toCore(object)
        let first = event["firstTimestamp"]?.string ?? event["eventTime"]?.string
        let last = event["series"]?["lastObservedTime"]?.string ?? event["lastTimestamp"]?.string ?? first
        let about = event["involvedObject"] ?? [:]
        let kind = (about["kind"]?.string ?? "").lowercased()
        let name = about["name"]?.string ?? ""
        let count = event["series"]?["count"]?.int ?? event["count"]?.int ?? 1
        return [
            Cell.since(last, now: now), event["type"] ?? "", event["reason"] ?? "",
            .string(name.isEmpty ? kind : "\(kind)/\(name)"), about["fieldPath"] ?? "",
            event["reportingComponent"] ?? event["source"]?["component"] ?? "", event["message"] ?? "",
            Cell.since(first, now: now), .int(count), Cell.name(event),
        ]
    }
}

struct LimitRangeColumns: TableColumns {
    let columns = [
        TableColumn.name, TableColumn(name: "Created At", type: "date", description: "When the object was created."),
    ]
    func cells(_ object: JSON, now: Instant) -> [JSON] { CreatedAtColumns().cells(object, now: now) }
}

struct ResourceQuotaColumns: TableColumns {
    let columns = [
        TableColumn.name, TableColumn(name: "Request", description: "Used and allowed requests."),
        TableColumn(name: "Limit", description: "Used and allowed limits."), .age,
    ]
    func cells(_ object: JSON, now: Instant) -> [JSON] {
        let hard = object["status"]?["hard"]?.object ?? [:]
        let used = object["status"]?["used"] ?? [:]
        func shown(_ names: [String]) -> JSON {
            .string(
                names.sorted().map { "\($0): \(used[$0]?.string ?? "0")/\(hard[$0]?.string ?? "0")" }.joined(
                    separator: ", "))
        }
        return [
            Cell.name(object), shown(hard.keys.filter { !$0.hasPrefix("limits.") }),
            shown(hard.keys.filter { $0.hasPrefix("limits.") }), Cell.age(object, now: now),
        ]
    }
}

struct PodColumns: TableColumns {
    let columns = [
        TableColumn.name, TableColumn(name: "Ready", description: "How many containers are ready."),
        TableColumn(name: "Status", description: "What it is doing."),
        TableColumn(name: "Restarts", description: "How often containers were restarted."), .age,
        TableColumn(name: "IP", description: "Its address.", priority: 1),
        TableColumn(name: "Node", description: "Where it runs.", priority: 1),
        TableColumn(name: "Nominated Node", description: "Where it may run soon.", priority: 1),
        TableColumn(name: "Readiness Gates", description: "Conditions that must hold.", priority: 1),
    ]
    func cells(_ object: JSON, now: Instant) -> [JSON] {
        let states = object["status"]?["containerStatuses"]?.array ?? []
        let ready = states.filter { $0["ready"]?.bool == true }.count
        let total = object["spec"]?["containers"]?.array?.count ?? 0
        return [
            Cell.name(object), "\(ready)/\(total)", object["status"]?["phase"] ?? "Pending",
            .string(String(states.reduce(0) { $0 &+ ($1["restartCount"]?.int ?? 0) })), Cell.age(object, now: now),
            object["status"]?["podIP"] ?? "<none>", object["spec"]?["nodeName"] ?? "<none>", "<none>", "<none>",
        ]
    }
}

struct ServiceColumns: TableColumns {
    let columns = [
        TableColumn.name, TableColumn(name: "Type", description: "ClusterIP, NodePort, …"),
        TableColumn(name: "Cluster-IP", description: "Its address."),
        TableColumn(name: "External-IP", description: "Its address outside."),
        TableColumn(name: "Port(s)", description: "Its ports."), .age,
        TableColumn(name: "Selector", description: "The pods behind it.", priority: 1),
    ]
    func cells(_ object: JSON, now: Instant) -> [JSON] {
        let spec = object["spec"] ?? [:]
        let ports = (spec["ports"]?.array ?? []).map { "\($0["port"]?.int ?? 0)/\($0["protocol"]?.string ?? "TCP")" }
        return [
            Cell.name(object), spec["type"] ?? "ClusterIP", spec["clusterIP"] ?? "<none>", "<none>",
            .string(ports.isEmpty ? "<none>" : ports.joined(separator: ",")), Cell.age(object, now: now),
            Cell.labels(spec["selector"]),
        ]
    }
}

struct DeploymentColumns: TableColumns {
    let columns = [
        TableColumn.name, TableColumn(name: "Ready", description: "Ready and wanted pods."),
        TableColumn(name: "Up-to-date", description: "Pods of the wanted kind."),
        TableColumn(name: "Available", description: "Pods ready long enough."), .age,
        TableColumn(name: "Containers", description: "The containers' names.", priority: 1),
        TableColumn(name: "Images", description: "The containers' images.", priority: 1),
        TableColumn(name: "Selector", description: "Which pods are its own.", priority: 1),
    ]
    func cells(_ object: JSON, now: Instant) -> [JSON] {
        let status = object["status"] ?? [:]
        let containers = object[path: ["spec", "template", "spec", "containers"]]?.array ?? []
        return [
            Cell.name(object),
            "\(status["readyReplicas"]?.int ?? 0)/\(object["spec"]?["replicas"]?.int ?? 1)",
            .int(status["updatedReplicas"]?.int ?? 0), .int(status["availableReplicas"]?.int ?? 0),
            Cell.age(object, now: now),
            .string(containers.compactMap { $0["name"]?.string }.joined(separator: ",")),
            .string(containers.compactMap { $0["image"]?.string }.joined(separator: ",")),
            Cell.labels(object[path: ["spec", "selector", "matchLabels"]]),
        ]
    }
}

struct NetworkPolicyColumns: TableColumns {
    let columns = [TableColumn.name, TableColumn(name: "Pod-Selector", description: "Which pods it is for."), .age]
    func cells(_ object: JSON, now: Instant) -> [JSON] {
        [
            Cell.name(object), Cell.labels(object[path: ["spec", "podSelector", "matchLabels"]]),
            Cell.age(object, now: now),
        ]
    }
}

struct BindingColumns: TableColumns {
    let columns = [
        TableColumn.name, TableColumn(name: "Role", description: "Whose rights it gives."), .age,
        TableColumn(name: "Users", description: "Users who get them.", priority: 1),
        TableColumn(name: "Groups", description: "Groups who get them.", priority: 1),
        TableColumn(name: "ServiceAccounts", description: "Service accounts who get them.", priority: 1),
    ]
    func cells(_ object: JSON, now: Instant) -> [JSON] {
        let subjects = object["subjects"]?.array ?? []
        func names(_ kind: String) -> JSON {
            .string(
                subjects.filter { $0["kind"]?.string == kind }.map { subject in
                    let name = subject["name"]?.string ?? ""
                    return kind == "ServiceAccount" ? "\(subject["namespace"]?.string ?? "")/\(name)" : name
                }.joined(separator: ", "))
        }
        let role = object["roleRef"] ?? [:]
        return [
            Cell.name(object), "\(role["kind"]?.string ?? "")/\(role["name"]?.string ?? "")",
            Cell.age(object, now: now),
            names("User"), names("Group"), names("ServiceAccount"),
        ]
    }
}

struct LeaseColumns: TableColumns {
    let columns = [TableColumn.name, TableColumn(name: "Holder", description: "Who holds it."), .age]
    func cells(_ object: JSON, now: Instant) -> [JSON] {
        [Cell.name(object), object["spec"]?["holderIdentity"] ?? "", Cell.age(object, now: now)]
    }
}
