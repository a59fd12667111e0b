import Fleet
import FlyteAdmin
import KubeObjects

/// What the objects want in flyteadmin, and what is said of each of them after a pass.
struct RowReporter: Sendable {
    let informers: Informers
    let reports: FlyteAdminReports
    let router: EventRouter

    func projectClaims(_ spec: ClusterRegistrySpec) -> ProjectClaims {
        let projects = informers.projects.snapshot ?? [:]
        let unreadable = projects.values.filter { $0.object == nil }.map(\.metadata.name)
        return ProjectClaims(projects.values.compactMap(\.object), spec, unreadable: unreadable)
    }

    /// Gives all objects the same state.
    func sayAll(_ spec: ClusterRegistrySpec, _ publication: Publication) {
        say(labelClaims(), RowPublisher.Report(), publication, isFirstFailure: false)
        let changed = reports.projects.replace(projectClaims(spec).demands) { _ in publication }
        router.projectsChanged(changed)
    }

    func labelClaims() -> RowClaims {
        let assignments = informers.assignments.snapshot ?? [:]
        let unreadable = assignments.values.filter { $0.object == nil }.map(\.metadata.name)
        let labels = Set(informers.executionLabels.valid().values.map(\.label))
        return RowClaims(assignments.values.compactMap(\.object), labels: labels, unreadable: unreadable)
    }

    /// What a pass means for each ExecutionClusterLabel.
    ///
    /// - Parameter isFirstFailure: a single lost request says nothing about rows that were there a moment ago. They
    ///   keep their state until a second request fails, about a second later.
    func say(
        _ claims: RowClaims, _ report: RowPublisher.Report, _ failure: Publication?, isFirstFailure: Bool
    ) {
        var known: [String: (AdminRow, Publication)] = [:]
        let objects = informers.assignments.valid()
        for claim in claims.wanted.values {
            let row = AdminRow(claim.key, claim.value)
            if report.published.contains(claim.key) {
                known[claim.object] = (row, .published)
            } else if report.waiting.contains(claim.key) {
                known[claim.object] = (row, .waitingForRollout(claim.value))
            } else if let words = report.refused[claim.key] {
                known[claim.object] = (row, .refused(words))
            } else if let failure {
                let before = isFirstFailure ? objects[claim.object].map { reports.publication(of: $0) } : nil
                switch before {
                case .asBefore?: continue  // from an earlier process, and still all that is known
                case .published?, .refused?: known[claim.object] = (row, before ?? failure)
                default: known[claim.object] = (row, failure)
                }
            }
        }
        for (key, assignment) in objects {
            guard let hold = claims.holds[key] else { continue }
            let row = AdminRow(AdminRowKey(assignment.spec), assignment.spec.value)
            known[key] = (row, .held(hold))
        }
        router.rowsChanged(reports.replace(known))
    }
}

extension Publication {
    /// What a failure that ended a pass means for an object. Nil if it says nothing about objects.
    static func of(
        _ failure: RowPublisher.Failure, _ connection: FlyteAdminConnection
    ) -> (publication: Publication?, retryAfter: Duration?) {
        switch failure {
        case .flyteAdmin(let error):
            let hint = connection.hint(for: error.description)
            return error.kind == .refused
                ? (.refused(error.message + hint), error.retryAfter)
                : (.unreachable(error.description + hint), error.retryAfter)
        case .notes(let error):
            return (.held(Reason.pending, "the note of what is published can't be written: \(error)"), nil)
        case .tooMany(let count, let configMap):
            return (.held(Reason.pending, "\(count) rows are more than ConfigMap \(configMap) can note"), nil)
        case .stopped: return (nil, nil)
        }
    }

    static func held(_ hold: RowClaims.Hold) -> Publication {
        switch hold {
        case .duplicate(let older):
            .held(
                Reason.duplicateAssignment, "flyteadmin has the label of ExecutionClusterLabel \(older), which is older"
            )
        case .labelUnknown(let label):
            .held(
                Reason.labelNotFound,
                "flyteadmin keeps what it has: it would send executions with a label that it doesn't know (\(label)) to any cluster"
            )
        }
    }
}
