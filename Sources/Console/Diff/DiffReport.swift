import Fleet
import JSON
import KubeObjects

/// One object that would change in one data plane.
struct FoundChange: Sendable {
    var action: PlannedChange.Action
    var namespace: String
    /// `resourcequotas/project-quota`.
    var object: String
    var diff: ObjectDiff
    var conflicts: [ConflictAnswer.Owned] = []
    /// The field by which a Namespace is somebody's. If it is the conflict, the whole namespace is left alone.
    static let mark = ".metadata.annotations." + Ownership.controlPlaneAnnotation

    var path: String { namespace.isEmpty ? object : "\(namespace)/\(object)" }
}

/// The findings about one data plane.
struct DataPlaneFindings: Sendable {
    struct Failure: Sendable, Hashable {
        var namespace: String
        var object: String
        var reason: FailureReason
        var message: String
    }
    var changes: [FoundChange] = []
    var failures: [Failure] = []
    var notes: [String] = []
}

/// The distinct changes, each once with the data planes that it is for. They are folded while they are added, since
/// there may be thousands and most are the same everywhere.
struct DistinctChanges: Sendable {
    struct Change: Sendable {
        var action: PlannedChange.Action
        /// `namespace/resourcequotas/project-quota`.
        var objects: [String]
        var diff: [String]
        var conflicts: [ConflictAnswer.Owned]
        var dataPlanes: [String]
    }
    private struct Key: Hashable {
        var action: PlannedChange.Action
        var path: String
        var diff: [String]
    }
    /// The diffs of this many changes are kept.
    static let most = 2_000

    private var entries: [Key: (change: FoundChange, dataPlanes: [String])] = [:]
    private(set) var left = 0

    mutating func add(_ changes: [FoundChange], of dataPlane: String) {
        for change in changes {
            let key = Key(action: change.action, path: change.path, diff: change.diff.lines)
            if entries[key] == nil, entries.count >= Self.most {
                left += 1
            } else {
                entries[key, default: (change, [])].dataPlanes.append(dataPlane)
            }
        }
    }

    /// Conflicts first, then deletions. The same change of several objects of a kind in the same data planes is one
    /// change.
    var folded: [Change] {
        struct Fold: Hashable {
            var action: PlannedChange.Action
            var kind: String
            var essence: String
            var conflicts: [ConflictAnswer.Owned]
            var dataPlanes: [String]
        }
        var folds: [Fold: [FoundChange]] = [:]
        for entry in entries.values {
            let (change, names) = (entry.change, entry.dataPlanes.sorted())
            // A Namespace has a name of its own. The objects of another kind are the same if their names are.
            let isNamespace = change.object.hasPrefix("namespaces/")
            let fold = Fold(
                action: change.action, kind: isNamespace ? "namespaces" : change.object, essence: change.diff.essence,
                conflicts: change.conflicts, dataPlanes: names)
            folds[fold, default: []].append(change)
        }
        let changes = folds.map { fold, members in
            let sorted = members.sorted { $0.path < $1.path }
            return Change(
                action: fold.action, objects: sorted.map(\.path), diff: sorted[0].diff.lines,
                conflicts: fold.conflicts, dataPlanes: fold.dataPlanes)
        }
        let order: [PlannedChange.Action] = [.conflict, .delete, .change, .create]
        func rank(_ change: Change) -> Int { order.firstIndex(of: change.action) ?? 0 }
        return changes.sorted { left, right in
            (rank(left), left.objects[0], left.dataPlanes.joined(separator: " "))
                < (rank(right), right.objects[0], right.dataPlanes.joined(separator: " "))
        }
    }
}

/// `squadron diff`: what would change in every data plane.
public struct DiffReport: Report {
    struct Plane: Sendable {
        var name: String
        var mode: Mode
        var counts: PlannedChanges
        var failures: [DataPlaneFindings.Failure]
    }
    private(set) var planes: [Plane] = []
    private(set) var distinct = DistinctChanges()
    /// Why a data plane can't be read from here, by data plane.
    private(set) var unreachable: [(name: String, message: String)] = []
    private(set) var skipped: [(name: String, message: String)] = []
    private(set) var notes: [String]
    /// Why it is not known what is wanted.
    private var problem: String?

    init(notes: [String]) { self.notes = notes }
    init(problem: String, notes: [String]) { (self.problem, self.notes) = (problem, notes) }

    /// How many failures of a data plane are kept.
    static let mostFailures = 100

    mutating func add(_ name: String, _ mode: Mode, _ findings: DataPlaneFindings) {
        let changes = findings.changes.map {
            PlannedChange(namespace: $0.namespace, object: $0.object, action: $0.action)
        }
        planes.append(
            Plane(
                name: name, mode: mode, counts: PlannedChanges(changes),
                failures: Array(findings.failures.prefix(Self.mostFailures))))
        distinct.add(findings.changes, of: name)
        notes += findings.notes.map { "\(name): \($0)" }
        if findings.failures.count > Self.mostFailures {
            notes.append("\(name): \(findings.failures.count - Self.mostFailures) more objects can't be written")
        }
    }
    mutating func add(note: String) { notes.append(note) }
    mutating func add(unreachable name: String, _ message: String) { unreachable.append((name, message)) }
    mutating func add(skipped name: String, _ message: String) { skipped.append((name, message)) }

    mutating func sort() {
        planes.sort { $0.name < $1.name }
        unreachable.sort { $0.name < $1.name }
        skipped.sort { $0.name < $1.name }
    }

    public var outcome: Outcome {
        let isClean = planes.allSatisfy { $0.counts.total == 0 && $0.failures.isEmpty }
        let findings: Outcome = isClean ? .done : .findings
        return problem != nil || !unreachable.isEmpty ? findings.and(.failed) : findings
    }

    public var json: JSON {
        func named(_ entries: [(name: String, message: String)]) -> JSON {
            .array(entries.map { ["name": .string($0.name), "message": .string($0.message)] })
        }
        var json: JSON = [
            "dataPlanes": .array(planes.map(\.json)), "changes": .array(distinct.folded.map(\.json)),
            "unreachable": named(unreachable), "skipped": named(skipped),
            "notes": .array(allNotes.map { .string($0) }),
        ]
        if let problem { json["problem"] = .string(problem) }
        return json
    }

    private var allNotes: [String] {
        guard distinct.left > 0 else { return notes }
        return notes + ["the diffs of \(distinct.left) more changes are not kept: they are counted only"]
    }

    public func write(to page: inout Page) {
        let changes = distinct.folded
        for change in changes {
            change.write(to: &page)
            page.blank()
        }
        if !planes.isEmpty {
            page.table(
                ["DATA PLANE", "MODE", "CREATE", "CHANGE", "DELETE", "CONFLICT", "FAILS"],
                planes.map { plane in
                    let counts = plane.counts
                    let numbers = [
                        (counts.create, Span.Tone.good), (counts.change, .warning), (counts.delete, .bad),
                        (counts.conflict, .bad), (plane.failures.count, .bad),
                    ]
                    return [Span(plane.name), Span(plane.mode.rawValue)]
                        + numbers.map { Span("\($0.0)", $0.0 > 0 ? $0.1 : .dim) }
                })
            page.blank()
        }
        for plane in planes {
            for failure in plane.failures {
                page.line(
                    Span("\(plane.name): \(failure.namespace): \(failure.reason.rawValue): ", .bad),
                    Span(failure.message))
            }
        }
        for (name, message) in unreachable { page.line(Span("\(name): could not be read: ", .bad), Span(message)) }
        for (name, message) in skipped { page.line(Span("\(name): skipped: ", .dim), Span(message)) }
        for note in allNotes { page.line(Span("note: ", .dim), Span(note)) }
        if let problem { return page.line(Span(problem, .bad)) }
        let changed = planes.count { $0.counts.total > 0 || !$0.failures.isEmpty }
        let summary =
            changed == 0
            ? "nothing would change in \(counted(planes.count, "data plane"))"
            : "\(counted(changes.count, "distinct change")), in \(changed) of "
                + "\(counted(planes.count, "data plane")); nothing was written"
        page.line(Span(summary, .bold))
    }
}

private func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

extension PlannedChanges {
    fileprivate var total: Int { create + change + delete + conflict }
}

extension DiffReport.Plane {
    fileprivate var json: JSON {
        var json: JSON = [
            "name": .string(name), "mode": .string(mode.rawValue),
            "plan": [
                "create": .int(Int64(counts.create)), "change": .int(Int64(counts.change)),
                "delete": .int(Int64(counts.delete)), "conflict": .int(Int64(counts.conflict)),
            ],
        ]
        if !failures.isEmpty {
            json["failures"] = .array(
                failures.map {
                    [
                        "namespace": .string($0.namespace), "object": .string($0.object),
                        "reason": .string($0.reason.rawValue), "message": .string($0.message),
                    ]
                })
        }
        return json
    }
}

extension DistinctChanges.Change {
    fileprivate var json: JSON {
        var json: JSON = [
            "action": .string(action.rawValue), "objects": .array(objects.map { .string($0) }),
            "diff": .string(diff.joined(separator: "\n") + "\n"), "dataPlanes": .array(dataPlanes.map { .string($0) }),
        ]
        if !conflicts.isEmpty {
            json["conflicts"] = .array(conflicts.map { ["field": .string($0.field), "manager": .string($0.manager)] })
        }
        return json
    }

    fileprivate func write(to page: inout Page) {
        let more = objects.count > 1 ? " and \(objects.count - 1) more of its kind" : ""
        let clusters = dataPlanes.count > 8 ? "\(dataPlanes.count) data planes: " : ""
        page.line(
            Span("\(action.rawValue) \(objects[0])\(more) ", .bold),
            Span("in \(clusters)\(dataPlanes.joined(separator: ", "))", .dim, limit: 4096))
        if objects.count > 1 { page.line(Span("  " + objects.joined(separator: ", "), .dim, limit: 4096)) }
        for conflict in conflicts where conflict.field != FoundChange.mark {
            page.line(Span("conflict: \(conflict.text)", .bad))
        }
        for line in diff {
            let tone: Span.Tone =
                switch line.first {
                case "+": .good
                case "-": .bad
                case "@": .dim
                default: .plain
                }
            page.line(Span(line, tone, limit: 1024))
        }
    }
}
