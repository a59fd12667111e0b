import JSON
import Support

/// What can be asked of the control endpoint, read from JSON. Names are those of the Swift API with hyphens.
struct ControlFailure: Error {
    var status: Int
    var message: String
}

extension Fault {
    /// `{"fault": "status", "status": 503, "retryAfter": 1}`.
    init(control body: JSON) throws(ControlFailure) {
        let interval = Duration.milliseconds(body["intervalMs"]?.int ?? 100)
        switch body["fault"]?.string {
        case "latency":
            self = .latency(
                .milliseconds(body["latencyMs"]?.int ?? 0), jitter: .milliseconds(body["jitterMs"]?.int ?? 0))
        case "black-hole": self = .blackHole
        case "status":
            guard let status = body["status"]?.int, (100...599).contains(status) else {
                throw ControlFailure(status: 400, message: "status: expected a number from 100 to 599")
            }
            self = .status(Int(status), retryAfter: body["retryAfter"]?.int.map { Int(clamping: $0) })
        case "redirect": self = .redirect(Int(body["status"]?.int ?? 302), to: body["to"]?.string ?? "")
        case "reset-before-processing": self = .resetBeforeProcessing
        case "refusal":
            self = .refusal(
                Int(clamping: body["status"]?.int ?? 403), reason: body["reason"]?.string ?? "",
                message: body["message"]?.string ?? "injected fault")
        case "failed-checks": self = .failedChecks((body["checks"]?.array ?? []).compactMap(\.string))
        case "strip-annotation": self = .stripAnnotation(body["annotation"]?.string ?? "")
        case "lose-response": self = .loseResponse
        case "reset-in-body": self = .resetInBody
        case "truncate-body": self = .truncateBody
        case "slow-drip": self = .slowDrip(bytes: Int(clamping: body["bytes"]?.int ?? 16), every: interval)
        case "empty-list": self = .emptyList
        case "empty-object": self = .emptyObject
        case "truncated-list": self = .truncatedList
        case "watch-end": self = .watchEnd
        case "watch-stuck": self = .watchStuck
        case "watch-gone": self = .watchGone
        case "endless-line": self = .endlessLine(bytes: Int(clamping: body["bytes"]?.int ?? 2 << 30))
        case "endless-body": self = .endlessBody(bytes: Int(clamping: body["bytes"]?.int ?? 2 << 30))
        case "event-flood":
            self = .eventFlood(
                bytes: Int(clamping: body["bytes"]?.int ?? 0), perSecond: Int(clamping: body["perSecond"]?.int ?? 0),
                isGrowing: body["growing"]?.bool ?? false)
        case "endless-pages":
            self = .endlessPages(
                objects: Int(clamping: body["objects"]?.int ?? 500), bytes: Int(clamping: body["bytes"]?.int ?? 0))
        case "endless-kinds": self = .endlessKinds(Int(clamping: body["kinds"]?.int ?? 500))
        case let name: throw ControlFailure(status: 400, message: "fault: unknown: \(name ?? "missing")")
        }
    }
}

extension FaultRule {
    init(control body: JSON) throws(ControlFailure) {
        self.init(
            try Fault(control: body), match: Match(control: body["match"]), rate: body["rate"]?.double ?? 1,
            count: body["count"]?.int.map { Int(clamping: $0) })
    }
}

extension FaultRule.Match {
    init(control body: JSON?) {
        func set(_ key: String) -> Set<String> { Set((body?[key]?.array ?? []).compactMap(\.string)) }
        self.init(
            verbs: set("verbs"), resources: set("resources"), namespaces: set("namespaces"), names: set("names"),
            userAgent: body?["userAgent"]?.string)
    }
}

extension DevCluster {
    /// `POST /clusters/{name}/{action}`.
    func control(_ action: String, _ body: JSON) async throws {
        switch action {
        case "stop": await stop()
        case "restart": try await restart(keepingData: body["keepData"]?.bool ?? true)
        case "refuse": try await setAvailability(.refusing)
        case "unanswer": try await setAvailability(.unanswering)
        case "serve": try await setAvailability(.serving)
        case "black-hole": link.isBlackHole = body["on"]?.bool ?? true
        case "latency":
            link.roundTrip = .milliseconds(body["latencyMs"]?.int ?? 0)
            link.jitter = .milliseconds(body["jitterMs"]?.int ?? 0)
        case "heal": try await heal()
        case "reset-connections": await resetConnections()
        case "end-watches":
            let how = body["how"]?.string ?? WatchEnding.inOrder.rawValue
            guard let ending = WatchEnding(rawValue: how) else {
                throw ControlFailure(status: 400, message: "how: expected in-order, gone or reset, found \(how)")
            }
            endWatches(ending, match: FaultRule.Match(control: body["match"]))
        case "compact": compact()
        case "rotate-certificate":
            var fault: CertificateFault?
            if let name = body["fault"]?.string {
                fault = CertificateFault(rawValue: name)
                if fault == nil { throw ControlFailure(status: 400, message: "fault: unknown: \(name)") }
            }
            try await rotateCertificate(
                newAuthority: body["newAuthority"]?.bool ?? false, fault: fault,
                resettingConnections: body["resetConnections"]?.bool ?? true)
        case "become-another": becomeAnotherCluster()
        case "clock-skew": clockSkew = .seconds(body["seconds"]?.int ?? 0)
        default: throw ControlFailure(status: 404, message: "no such action: \(action)")
        }
    }

    /// No more faults: rules removed, link perfect, certificate good, clock right, serving.
    public func heal() async throws {
        faults.removeAll()
        link = LinkConditions()
        clockSkew = .zero
        if identity.hasFault { try await rotateCertificate() }
        if state.withLock({ $0.isStopped }) { try await restart() } else { try await setAvailability(.serving) }
    }
}
