import Fleet
import FlyteAdmin
import Kube
import Logging

/// Finds flyteadmin's projects and remembers them, so that neither an outage of flyteadmin nor a restart during one makes
/// the fleet forget a project. For one caller at a time.
struct ProjectDiscovery {
    let notes: NotesStore
    let board: PublicationBoard
    let mayWrite: @Sendable () -> Bool
    let gate: WriteGate
    /// For people: reason and note of an event on the ClusterRegistry.
    let warn: @Sendable (String, String) -> Void
    let logger: Logger

    private var hasRecalled = false
    private var hasAnswer = false
    private var hasFoundNone = false
    private var doubt = ReadingDoubt()
    /// What the ConfigMap has, as far as it is known.
    private var noted: DiscoveredProjects?
    private var problem: String?
    private var problemOfArchived: String?
    private var problemOfNotes: String?

    init(
        notes: NotesStore, board: PublicationBoard, mayWrite: @escaping @Sendable () -> Bool, gate: WriteGate,
        warn: @escaping @Sendable (String, String) -> Void, logger: Logger
    ) {
        (self.notes, self.board, self.mayWrite, self.gate) = (notes, board, mayWrite, gate)
        (self.warn, self.logger) = (warn, logger)
    }

    /// Whether flyteadmin should be asked without waiting for the next poll.
    var isFirstSearch: Bool { !hasAnswer && problem == nil }

    /// Another flyteadmin, or another way to it. What was found stays until it answers.
    mutating func startAnew() {
        (hasAnswer, hasFoundNone, problem, problemOfArchived) = (false, false, nil, nil)
        doubt = ReadingDoubt()
    }

    /// It is not asked for any more: its projects don't count.
    mutating func end() {
        startAnew()
        _ = board.set(discovered: nil)
    }

    /// What an earlier process found. True where it is news.
    mutating func recall() async -> Bool {
        guard board.discovered == nil else { return false }
        if !hasRecalled {
            do throws(KubeError) {
                let text = try await notes.read()
                hasRecalled = true
                noted = text.flatMap { DiscoveredProjects(text: $0) }
                if text != nil, noted == nil {
                    logger.error("ConfigMap \(DiscoveredProjects.configMapName) can't be read: it is written anew")
                }
            } catch {
                if !error.isCancelled { say(ofNotes: error.description) }
                hasRecalled = error.isForbidden  // anything else is tried again
            }
        }
        return noted.map { board.set(discovered: $0) } ?? false
    }

    /// Asks. True where the answer is news.
    mutating func look(_ client: FlyteAdminClient) async -> Bool {
        let found: DiscoveredProjects
        do throws(FlyteAdminError) {
            let list = try await client.projects()
            problem = nil
            // Every flyteadmin has some: none at all is believed when it is said twice.
            if list.active.isEmpty, board.discovered?.isEmpty == false, !hasFoundNone {
                hasFoundNone = true
                return false
            }
            hasFoundNone = list.active.isEmpty
            if let known = board.discovered {
                let missing = Set(known.domains.keys).subtracting(list.active.map(\.id)).count
                if let why = doubt.judge(noted: known.domains.count, missing: missing) {
                    hasAnswer = true  // the next poll is soon enough
                    logger.error("projects: \(why)")
                    warn("ProjectsDoubted", "projects: \(why)")
                    return false
                }
            }
            let archived = await archived(client).union(list.archived)
            found = DiscoveredProjects(list.active.map { ($0.id, $0.domains) }, archived: archived)
        } catch {
            guard error.kind != .cancelled else { return false }
            if problem != error.description {
                logger.warning("\(error)")
                warn("ProjectDiscoveryFailed", error.description)
            }
            problem = error.description
            return false
        }
        hasAnswer = true
        let isNews = board.set(discovered: found)
        await note(found)
        return isNews
    }

    /// They only matter for what statuses say: where they can't be had, the ones that were known stay, and no more.
    private mutating func archived(_ client: FlyteAdminClient) async -> Set<String> {
        do throws(FlyteAdminError) {
            let archived = try await client.archivedProjects()
            problemOfArchived = nil
            return archived
        } catch {
            if problemOfArchived != error.description, error.kind != .cancelled { logger.warning("\(error)") }
            problemOfArchived = error.description
            return board.discovered?.archived ?? []
        }
    }

    private mutating func note(_ found: DiscoveredProjects) async {
        guard found != noted, gate.enter() else { return }
        defer { gate.leave() }
        let text = found.text
        guard text.utf8.count <= DiscoveredProjects.sizeLimit else {
            let count = found.domains.count
            return say(ofNotes: "\(count) projects are more than the ConfigMap can hold")
        }
        guard mayWrite() else { return }
        do throws(KubeError) {
            try await notes.write(text)
            (noted, problemOfNotes) = (found, nil)
        } catch {
            if !error.isCancelled { say(ofNotes: error.description) }
        }
    }

    private mutating func say(ofNotes text: String) {
        guard problemOfNotes != text else { return }
        problemOfNotes = text
        let note = "flyteadmin's projects can't be noted in ConfigMap \(DiscoveredProjects.configMapName): \(text)"
        logger.warning("\(note)")
        warn("ProjectsNotNoted", note)
    }
}
