import JSON

/// The defaults of a pod's template, as far as the fields are described here: without probes and volume sources.
enum PodDefaults {
    static func applied(to pod: JSON) -> JSON {
        var pod = pod
        let defaults: [(String, JSON)] = [
            ("restartPolicy", "Always"), ("terminationGracePeriodSeconds", 30), ("dnsPolicy", "ClusterFirst"),
            ("securityContext", [:]), ("schedulerName", "default-scheduler"),
        ]
        for (field, value) in defaults where pod[field] == nil { pod[field] = value }
        // The field has an old and a new name, and both have the same value.
        if let account = pod["serviceAccountName"] { pod["serviceAccount"] = account }
        for field in ["containers", "initContainers"] {
            guard let containers = pod[field]?.array else { continue }
            pod[field] = .array(containers.map(container))
        }
        return pod
    }

    private static func container(_ container: JSON) -> JSON {
        guard container.object != nil else { return container }
        var container = container
        let image = container["image"]?.string ?? ""
        // The tag follows a colon behind the last slash. Without a tag it is `latest`.
        let name = image.split(separator: "/").last ?? ""
        let isLatest = !image.contains("@") && (!name.contains(":") || name.hasSuffix(":latest"))
        let defaults: [(String, JSON)] = [
            ("resources", [:]), ("terminationMessagePath", "/dev/termination-log"),
            ("terminationMessagePolicy", "File"),
            ("imagePullPolicy", isLatest ? "Always" : "IfNotPresent"),
        ]
        for (field, value) in defaults where container[field] == nil { container[field] = value }
        if let ports = container["ports"]?.array {
            container["ports"] = .array(
                ports.map { port in
                    var port = port
                    if port.object != nil, port["protocol"] == nil { port["protocol"] = "TCP" }
                    return port
                })
        }
        return container
    }
}
