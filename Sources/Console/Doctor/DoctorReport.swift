import JSON

/// The report of `squadron doctor`: a line for each check, and what to do for each finding.
public struct DoctorReport: Report {
    struct Entry: Sendable {
        var check: DoctorCheck
        var diagnosis: Diagnosis
    }
    let entries: [Entry]

    public init(_ facts: DoctorFacts) { self.init(facts, checks: DoctorCheck.all) }

    init(_ facts: DoctorFacts, checks: [DoctorCheck]) {
        entries = checks.map { Entry(check: $0, diagnosis: $0.diagnosis(facts)) }
    }

    public var findings: [Finding] { entries.flatMap(\.diagnosis.findings) }
    var undone: Int { entries.reduce(0) { $0 + $1.diagnosis.undone.count } }

    public var outcome: Outcome {
        let found: Outcome = findings.isEmpty ? .done : .findings
        return undone == 0 ? found : found.and(.failed)
    }

    public var json: JSON {
        [
            "checks": .array(entries.map(\.json)),
            "findings": .int(Int64(findings.count)), "notDone": .int(Int64(undone)),
        ]
    }

    public func write(to page: inout Page) {
        for entry in entries {
            let diagnosis = entry.diagnosis
            let name = Span(entry.check.name, .bold)
            if !diagnosis.findings.isEmpty {
                page.line(Span("FOUND  ", .bad), name)
            } else if !diagnosis.undone.isEmpty {
                page.line(Span("?      ", .warning), name, Span(": could not be checked"))
            } else if let why = diagnosis.skipped {
                page.line(Span("–      ", .dim), name, Span(": \(why)", .dim))
            } else {
                page.line(Span("ok     ", .good), name, Span(": \(entry.check.title)"))
            }
            for finding in diagnosis.findings {
                page.paragraph("\(finding.subject): \(finding.message)", indent: 7)
                page.paragraph("→ \(finding.action)", indent: 9)
            }
            for what in diagnosis.undone { page.paragraph("not done: \(what)", indent: 7) }
        }
        page.blank()
        let found = findings.count == 1 ? "1 finding" : "\(findings.count) findings"
        let missing = undone == 0 ? "" : ", \(undone) could not be checked"
        page.line(Span("\(entries.count) checks: \(found)\(missing)", outcome == .done ? .good : .bold))
    }
}

extension DoctorReport.Entry {
    private var outcome: String {
        if !diagnosis.findings.isEmpty { return "findings" }
        if !diagnosis.undone.isEmpty { return "notDone" }
        return diagnosis.skipped == nil ? "ok" : "skipped"
    }

    var json: JSON {
        var json: JSON = [
            "name": .string(check.name), "outcome": .string(outcome),
            "findings": .array(
                diagnosis.findings.map {
                    ["subject": .string($0.subject), "message": .string($0.message), "action": .string($0.action)]
                }), "notDone": .array(diagnosis.undone.map { .string($0) }),
        ]
        json["skipped"] = diagnosis.skipped.map { .string($0) }
        return json
    }
}
