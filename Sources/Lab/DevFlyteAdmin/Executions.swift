import JSON
import KubeObjects
import Support

extension Tables {
    public struct Execution: Sendable, Hashable {
        public enum Phase: String, Sendable, Hashable, CaseIterable {
            case undefined = "UNDEFINED"
            case queued = "QUEUED"
            case running = "RUNNING"
            case succeeding = "SUCCEEDING"
            case succeeded = "SUCCEEDED"
            case failing = "FAILING"
            case failed = "FAILED"
            case aborted = "ABORTED"
            case timedOut = "TIMED_OUT"
            case aborting = "ABORTING"

            public var isTerminal: Bool { [.succeeded, .failed, .aborted, .timedOut].contains(self) }
        }
        public var project: String
        public var domain: String
        public var name: String
        /// flyteadmin takes the workflow from the launch plan. Here both have the same name.
        public var workflow: String
        /// The cluster that it runs in. Empty for flyteadmin's own, and if it could not be started.
        public var cluster = ""
        public var phase = Phase.running
        var spec: JSON = [:]
        var error: JSON?
        var abortCause: String?
        var created = Instant(secondsSince1970: 0)

        public init(
            _ name: String, project: String, domain: String, workflow: String = "wf", cluster: String = "",
            phase: Phase = .running
        ) {
            self.name = name
            self.project = project
            self.domain = domain
            self.workflow = workflow
            self.cluster = cluster
            self.phase = phase
        }
    }

    public func execution(_ name: String, project: String, domain: String) -> Execution? {
        executions.first { $0.name == name && $0.project == project && $0.domain == domain }
    }

    /// Sets the phase as the data plane's propeller would report it, in each project that has an execution of that name.
    public mutating func setPhase(_ phase: Execution.Phase, of name: String) {
        for index in executions.indices where executions[index].name == name { executions[index].phase = phase }
    }

    /// Launches it in the cluster that flyteadmin would choose by the present rows and clusters. An execution that can't be
    /// started is FAILED at once.
    @discardableResult
    public mutating func launch(_ execution: Execution, label: String? = nil) -> Execution {
        var execution = execution
        let drawn = clusters.draw(
            label: label.flatMap { $0.isEmpty ? nil : $0 } ?? row(for: execution), execution: execution.name)
        execution.cluster = drawn?.id ?? ""
        if let drawn, let problem = drawn.problem {
            execution.cluster = ""
            execution.phase = .failed
            let namespace = "\(execution.project)-\(execution.domain)"
            execution.error = [
                "code": "ExecutionFailed", "kind": "SYSTEM",
                "message": .string("failed to create workflow in propeller \(namespace): \(problem)"),
            ]
        }
        executions.append(execution)
        return execution
    }

    /// The label of the most specific row alone.
    private func row(for execution: Execution) -> String? {
        let id = RowID(project: execution.project, domain: execution.domain, workflow: execution.workflow)
        return (try? get(id))?.1["execution_cluster_label"]?["value"]?.string
    }

    // MARK: What the API does

    mutating func create(_ request: JSON, now: Instant) throws(GRPCFailure) -> Execution {
        func text(_ name: String) -> String { request[name]?.string ?? "" }
        for name in ["project", "domain"] where text(name).isEmpty { throw .invalidArgument("missing \(name)") }
        let name = text("name").isEmpty ? "a\(String(next(), radix: 36))" : text("name")
        guard Self.isExecutionName(name) else { throw .invalidArgument("invalid name format: \(name)") }
        try validate(project: text("project"), domain: text("domain"))
        guard let spec = request["spec"] else { throw .invalidArgument("missing spec") }
        let workflow = spec["launch_plan"]?["name"]?.string ?? ""
        guard !workflow.isEmpty else { throw .invalidArgument("missing name") }
        guard execution(name, project: text("project"), domain: text("domain")) == nil else {
            throw .alreadyExists(
                "value with matching already exists (duplicate key value violates unique constraint "
                    + "\"executions_pkey\")")
        }
        var execution = Execution(
            name, project: text("project"), domain: text("domain"), workflow: workflow, phase: .undefined)
        execution.spec = spec
        execution.created = now
        return launch(execution, label: spec["execution_cluster_label"]?["value"]?.string)
    }

    /// At most 63 lower-case letters, digits and hyphens, a letter first.
    private static func isExecutionName(_ name: String) -> Bool {
        guard let first = name.utf8.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first) else { return false }
        return name.utf8.count <= 63
            && name.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte == UInt8(ascii: "-")
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            }
    }

    func get(project: String, domain: String, execution name: String) throws(GRPCFailure) -> Execution {
        guard let found = execution(name, project: project, domain: domain) else {
            let id = "project:\"\(project)\" domain:\"\(domain)\" name:\"\(name)\""
            throw .notFound("missing entity of type execution with identifier \(id)")
        }
        return found
    }

    /// flyteadmin deletes the FlyteWorkflow at once in a cluster that it knows, enabled or not, and the data plane reports the
    /// end soon after. Here the execution is ABORTED at once. In a cluster that flyteadmin does not know any more, it stays
    /// ABORTING.
    mutating func abort(project: String, domain: String, execution name: String, cause: String) throws(GRPCFailure) {
        let found = try get(project: project, domain: domain, execution: name)
        guard !found.phase.isTerminal else {
            throw .failedPrecondition("Cannot abort an already terminated workflow execution")
        }
        guard let index = executions.firstIndex(of: found) else { return }
        executions[index].phase = .aborting
        executions[index].abortCause = cause
        guard found.cluster.isEmpty || clusters[found.cluster] != nil else {
            throw .internal("invalid cluster target \(found.cluster)")
        }
        executions[index].phase = .aborted
    }

    func list(
        project: String, domain: String, limit: Int, offset: Int, filter: ListFilter
    ) -> (executions: [Execution], token: String) {
        let all = executions.filter { execution in
            guard execution.project == project, execution.domain == domain else { return false }
            return filter.takes { column in
                switch column {
                case "execution_project": execution.project
                case "execution_domain": execution.domain
                case "execution_name": execution.name
                case "phase": execution.phase.rawValue
                case "cluster": execution.cluster
                case "error_code": execution.error?["code"]?.string ?? ""
                default: MicroTimestamp(execution.created).description
                }
            }
        }
        let page = all.dropFirst(offset).prefix(limit)
        return (Array(page), page.count == limit ? String(offset + page.count) : "")
    }
}

extension Tables.Execution {
    private func name(_ type: String) -> JSON {
        [
            "resource_type": .string(type), "project": .string(project), "domain": .string(domain),
            "name": .string(workflow), "version": "v1",
        ]
    }
    var id: JSON { ["project": .string(project), "domain": .string(domain), "name": .string(name)] }

    var message: JSON {
        var spec = spec
        if spec["launch_plan"] == nil { spec["launch_plan"] = name("LAUNCH_PLAN") }
        spec[path: ["metadata", "system_metadata"]] = [
            "execution_cluster": .string(cluster), "namespace": .string("\(project)-\(domain)"),
        ]
        let time = JSON.string(MicroTimestamp(created).description)
        var closure: JSON = [
            "phase": .string(phase.rawValue), "workflow_id": name("WORKFLOW"), "created_at": time, "updated_at": time,
        ]
        if let error { closure["error"] = error }
        if let abortCause { closure["abort_metadata"] = ["cause": .string(abortCause), "principal": ""] }
        return ["id": id, "spec": spec, "closure": closure]
    }
}
