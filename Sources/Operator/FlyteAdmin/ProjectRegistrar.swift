import ControlLoop
import Fleet
import FlyteAdmin
import Logging

/// Registers the projects of FlyteProjects in flyteadmin, and maintains their names, descriptions and labels. It never
/// deletes or archives a project, and leaves archived ones alone. It serves one flyteadmin and one caller at a time.
struct ProjectRegistrar {
    let client: FlyteAdminClient
    let mayWrite: @Sendable () -> Bool
    let gate: WriteGate
    let logger: Logger
    private var refusals = Refusals()

    init(
        client: FlyteAdminClient, mayWrite: @escaping @Sendable () -> Bool, gate: WriteGate, logger: Logger
    ) {
        (self.client, self.mayWrite, self.gate, self.logger) = (client, mayWrite, gate, logger)
    }

    /// The result of one pass.
    struct Report: Sendable {
        /// Why a project is not as wanted, by project.
        var problems: [String: Publication] = [:]
        /// The projects that were registered.
        var made: Set<String> = []
        /// Why the pass ended early. The remaining steps were not tried.
        var failure: RowPublisher.Failure?
    }

    mutating func retryRefused() { refusals.retryAll() }

    mutating func pass(_ wanted: [String: ProjectRegistration], isPoll: Bool) async -> Report {
        var report = Report()
        if isPoll { refusals.polled() }
        refusals.retain(Set(wanted.map { Self.name($0.key, $0.value) }))
        if wanted.isEmpty { return report }
        do throws(RowPublisher.Failure) {
            let present = try await present()
            for (id, registration) in wanted.sorted(by: { $0.key < $1.key }) {
                let name = Self.name(id, registration)
                if let words = refusals[name] {
                    report.problems[id] = .refused(words)
                    continue
                }
                switch RegistrationStep(registration, id: id, present: present[id]) {
                case .none: refusals.remove(name)
                case .archived: report.problems[id] = .archived(id)
                case .register(let content): try await register(id, content, name, &report)
                case .change(let content): try await change(id, content, name, &report)
                }
            }
        } catch {
            report.failure = error
        }
        return report
    }

    /// The step of a registration. One that is changed is another step, and is tried at once.
    private static func name(_ id: String, _ registration: ProjectRegistration) -> String {
        let labels = registration.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return ([id, registration.name, registration.description] + labels).joined(separator: "\n")
    }

    private func present() async throws(RowPublisher.Failure) -> [String: RegisteredProject] {
        do throws(FlyteAdminError) {
            let list = try await client.projects()
            let archived = try await client.archivedProjects().union(list.archived)
            var found: [String: RegisteredProject] = [:]
            for id in archived { found[id] = RegisteredProject(name: "", isArchived: true) }
            for project in list.active { found[project.id] = RegisteredProject(project) }
            return found
        } catch {
            throw .flyteAdmin(error)
        }
    }

    private mutating func register(
        _ id: String, _ content: RegisteredProject, _ step: String, _ report: inout Report
    ) async throws(RowPublisher.Failure) {
        let project = ListedProject(
            id: id, name: content.name, description: content.description, labels: content.labels)
        let client = client
        let isDone = try await write(id, step, &report) { () async throws(FlyteAdminError) in
            try await client.register(project)
        }
        if isDone {
            report.made.insert(id)
            WriteLog(logger)(WriteLine(.registered, "flyteadmin project \(id)"))
        }
    }

    private mutating func change(
        _ id: String, _ content: RegisteredProject, _ step: String, _ report: inout Report
    ) async throws(RowPublisher.Failure) {
        // Right before the change, because a change makes an archived project active, and somebody may have archived it
        // since the list.
        let now: ListedProject?
        do throws(FlyteAdminError) { now = try await client.project(id) } catch { throw .flyteAdmin(error) }
        guard let now, !now.isArchived else {
            report.problems[id] = now == nil ? .pending : .archived(id)
            return
        }
        let project = ListedProject(
            id: id, name: content.name, description: content.description, labels: content.labels, state: now.state)
        let client = client
        let isDone = try await write(id, step, &report) { () async throws(FlyteAdminError) in
            try await client.update(project)
        }
        if isDone { WriteLog(logger)(WriteLine(.published, "flyteadmin project \(id)")) }
    }

    /// True if it was written. A refusal is noted.
    private mutating func write(
        _ id: String, _ step: String, _ report: inout Report, _ body: () async throws(FlyteAdminError) -> Void
    ) async throws(RowPublisher.Failure) -> Bool {
        guard gate.enter() else { throw .stopped }
        defer { gate.leave() }
        guard mayWrite() else { throw .stopped }
        do throws(FlyteAdminError) {
            try await body()
        } catch {
            logger.warning("\(error)")
            guard error.kind == .refused else { throw .flyteAdmin(error) }
            refusals.add(step, error.message)
            report.problems[id] = .refused(error.message)
            return false
        }
        refusals.remove(step)
        return true
    }
}

extension RegisteredProject {
    fileprivate init(_ project: ListedProject) {
        self.init(
            name: project.name, description: project.description, labels: project.labels,
            isArchived: project.isArchived)
    }
}

extension Publication {
    /// A person archived it, so a person must decide to activate it.
    fileprivate static func archived(_ id: String) -> Publication {
        .refused(
            "flyteadmin has archived project \(id): it starts nothing there, and Squadron leaves it archived. To have it back: "
                + "flytectl update project -p \(id) --activate")
    }
}
