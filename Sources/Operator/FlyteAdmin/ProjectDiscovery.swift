import Fleet
import FlyteAdmin
import Kube
import Logging

/// Finds flyteadmin's projects and remembers them. So neither an outage of flyteadmin nor a restart during one makes
/// the fleet forget a project. It serves one caller at a time.
struct ProjectDiscovery {
    let reports: FlyteAdminReports
    private let access: ReadingNotes<DiscoveredProjects>.Access
    private var notes: ReadingNotes<DiscoveredProjects>
    private var hasAnswer = false
    private var hasFoundNone = false
    private var doubt = ReadingDoubt()
    private var problem: String?
    private var problemOfArchived: String?

    init(
        notes: ReadingNotes<DiscoveredProjects>, reports: FlyteAdminReports,
        _ access: ReadingNotes<DiscoveredProjects>.Access
    ) {
        (self.notes, self.reports, self.access) = (notes, reports, access)
    }
    private var logger: Logger { access.logger }

    /// Whether flyteadmin should be asked without waiting for the next poll.
    var isFirstSearch: Bool { !hasAnswer && problem == nil }

    /// flyteadmin, or the connection to it, is another. What was found stays in force until it answers.
    mutating func startAnew() {
        (hasAnswer, hasFoundNone, problem, problemOfArchived) = (false, false, nil, nil)
        doubt = ReadingDoubt()
    }

    /// The settings don't ask for projects any more, so they don't count.
    mutating func end() {
        startAnew()
        _ = reports.set(discovered: nil)
    }

    /// Takes what an earlier process found. True if that is new.
    mutating func recall() async -> Bool {
        guard reports.discovered == nil, let noted = await notes.recall() else { return false }
        return reports.set(discovered: noted)
    }

    /// A project was added, so the list is read again.
    mutating func askAgain() { hasAnswer = false }

    /// Asks flyteadmin. True if the answer is new.
    mutating func look(_ client: FlyteAdminClient) async -> Bool {
        let found: DiscoveredProjects
        do throws(FlyteAdminError) {
            let list = try await client.projects()
            problem = nil
            // Every flyteadmin has some projects. An empty list is believed only the second time.
            if list.active.isEmpty, reports.discovered?.isEmpty == false, !hasFoundNone {
                hasFoundNone = true
                return false
            }
            hasFoundNone = list.active.isEmpty
            if let known = reports.discovered {
                let missing = Set(known.domains.keys).subtracting(list.active.map(\.id)).count
                if let why = doubt.judge(noted: known.domains.count, missing: missing) {
                    hasAnswer = true  // the next poll is soon enough
                    logger.error("projects: \(why)")
                    access.warn("ProjectsDoubted", "projects: \(why)")
                    return false
                }
            }
            let archived = await archived(client).union(list.archived)
            found = DiscoveredProjects(list.active.map { ($0.id, $0.domains) }, archived: archived)
        } catch {
            guard error.kind != .cancelled else { return false }
            if problem != error.description {
                logger.warning("\(error)")
                access.warn("ProjectDiscoveryFailed", error.description)
            }
            problem = error.description
            return false
        }
        hasAnswer = true
        let isNews = reports.set(discovered: found)
        await notes.note(found)
        return isNews
    }

    /// Archived projects only matter for what statuses say. If they can't be read, the known ones stay.
    private mutating func archived(_ client: FlyteAdminClient) async -> Set<String> {
        do throws(FlyteAdminError) {
            let archived = try await client.archivedProjects()
            problemOfArchived = nil
            return archived
        } catch {
            if problemOfArchived != error.description, error.kind != .cancelled { logger.warning("\(error)") }
            problemOfArchived = error.description
            return reports.discovered?.archived ?? []
        }
    }
}
