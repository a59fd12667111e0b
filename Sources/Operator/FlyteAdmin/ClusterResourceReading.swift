import Fleet
import FlyteAdmin
import JSON
import Logging

/// Reads flyteadmin's CLUSTER_RESOURCE attributes and remembers them. So neither an outage of flyteadmin nor a restart
/// during one changes a namespace. It serves one caller at a time.
struct ClusterResourceReading {
    let reports: FlyteAdminReports
    let access: ReadingNotes<ClusterResourceAttributes>.Access
    private var notes: ReadingNotes<ClusterResourceAttributes>
    private var hasAnswer = false
    private var doubt = ReadingDoubt()
    /// Why the last question got no answer.
    private(set) var problem: AttributesProblem?

    init(
        notes: ReadingNotes<ClusterResourceAttributes>, reports: FlyteAdminReports,
        _ access: ReadingNotes<ClusterResourceAttributes>.Access
    ) {
        (self.notes, self.reports, self.access) = (notes, reports, access)
    }

    /// Whether flyteadmin should be asked without waiting for the next poll.
    var isFirst: Bool { !hasAnswer && problem == nil }
    /// Whether all project-domains wait, because nothing is known from earlier either.
    var isAwaited: Bool { isFirst && reports.clusterResources == nil }

    /// flyteadmin, or the connection to it, is another. What was read stays in force until it answers.
    mutating func startAnew() { (hasAnswer, problem, doubt) = (false, nil, ReadingDoubt()) }

    /// The settings don't ask for the attributes any more, so they don't count.
    mutating func end() {
        startAnew()
        _ = reports.set(clusterResources: nil)
    }

    /// Takes what an earlier process read. True if that is new.
    mutating func recall() async -> Bool {
        guard reports.clusterResources == nil, let noted = await notes.recall() else { return false }
        return reports.set(clusterResources: noted)
    }

    /// Asks flyteadmin. True if the answer is new.
    mutating func look(_ client: FlyteAdminClient) async -> Bool {
        let found: ClusterResourceAttributes
        do throws(FlyteAdminError) {
            found = ClusterResourceAttributes(try await client.rows(.clusterResource))
            problem = nil
        } catch {
            guard error.kind != .cancelled else { return false }
            let new = AttributesProblem(error.description, needsPerson: error.kind == .refused)
            if problem != new {
                access.logger.warning("\(error)")
                // Without any, the statuses say what waits for them.
                if reports.clusterResources != nil {
                    access.warn("AttributesNotRead", error.description + "; those read before stay in force")
                }
            }
            problem = new
            return false
        }
        hasAnswer = true  // also of a reading that is not believed yet: the next poll is soon enough
        if let known = reports.clusterResources {
            let missing = known.keys.subtracting(found.keys).count
            if let why = doubt.judge(noted: known.count, missing: missing) {
                access.logger.error("CLUSTER_RESOURCE attributes: \(why)")
                access.warn("AttributesDoubted", "CLUSTER_RESOURCE attributes: \(why)")
                return false
            }
        }
        let isNews = reports.set(clusterResources: found)
        await notes.note(found)
        return isNews
    }
}

extension ClusterResourceAttributes {
    /// Leaves out rows of workflows, which mean nothing for a namespace.
    init(_ rows: [AttributeRow]) {
        self.init(
            rows.lazy.filter { !$0.project.isEmpty && $0.workflow.isEmpty && $0.launchPlan.isEmpty }.map { row in
                let content = (try? JSON(parsing: row.value))?[AttributeKind.clusterResource.member]
                let values = content?["attributes"]?.object ?? [:]
                return (project: row.project, domain: row.domain, values: values.compactMapValues(\.string))
            })
    }
}
