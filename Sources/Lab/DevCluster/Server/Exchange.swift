import NIOCore
import Support

/// One request and its answer: faults → authentication → authorisation → API → faults → wire.
struct Exchange {
    let request: IncomingRequest
    let attributes: RequestAttributes
    let userAgent: String
    let connection: Connection
    let writer: ResponseWriter
    let core: ServerCore
    let started = ContinuousClock.now

    func run() async {
        let isWatch = attributes.verb == "watch"
        core.log.began(isWatch: isWatch)
        defer { core.log.ended(isWatch: isWatch) }
        let plan = core.faults.plan(for: attributes, userAgent: userAgent)
        if plan.delay > .zero, (try? await Task.sleep(for: plan.delay)) == nil { return record(0, user: "") }
        switch plan.fault {
        case .blackHole:
            record(0, user: "")
            await hang()
        case .resetBeforeProcessing:
            record(0, user: "")
            writer.reset()
        case .status(let status, let retryAfter):
            await answer(
                Fault.response(status: status, retryAfter: retryAfter, attributes, user: "system:anonymous"), user: "",
                fault: nil)
        case .redirect(let status, let server):
            let headers = [("Location", server + attributes.path), ("Content-Type", "text/html")]
            await answer(
                APIResponse(status: status, headers: headers, body: .bytes(Array("<a>Moved</a>\n".utf8))), user: "",
                fault: nil)
        case .refusal(let status, let reason, let message):
            await answer(APIError(code: status, reason: reason, message: message).response, user: "", fault: nil)
        case .failedChecks(let checks):
            if let response = Fault.failedHealth(checks, path: attributes.path) {
                await answer(response, user: "", fault: nil)
            } else {
                let (response, user) = await process(request)
                await answer(response, user: user, fault: nil)
            }
        case .stripAnnotation(let annotation):
            var changed = request
            changed.api.body = Fault.stripped(request.api.body, annotation: annotation)
            let (response, user) = await process(changed)
            await answer(response, user: user, fault: nil)
        case .endlessLine(let bytes):
            await flood(bytes, unit: Array(repeating: UInt8(ascii: "x"), count: 64 << 10))
        case .endlessBody(let bytes):
            await flood(bytes, unit: Array(#"{"kind":"ConfigMap","apiVersion":"v1"},"#.utf8))
        case .eventFlood(let bytes, let perSecond, let isGrowing):
            await flood(Flood(attributes), bytes, perSecond, isGrowing)
        case .endlessPages(let objects, let bytes):
            await answer(Flood(attributes).page(of: objects, bytes), user: "", fault: nil)
        case .endlessKinds(let count):
            await answer(Flood(attributes).kinds(count), user: "", fault: nil)
        case let fault:
            let (response, user) = await process(request)
            await answer(response, user: user, fault: fault)
        }
    }

    private func flood(_ flood: Flood, _ bytes: Int, _ perSecond: Int, _ isGrowing: Bool) async {
        record(200, user: "")
        writer.begin(status: 200, headers: [("Content-Type", "application/json")])
        var number = Int.random(in: 0..<1_000_000) * 1_000
        let first = number
        let removals = core.faults.removals
        while await writer.send(flood.event(number, name: isGrowing ? number : number % 100, bytes)) {
            number += 1
            if core.faults.removals != removals { return writer.end() }
            guard perSecond > 0 else { continue }
            let due = started + .seconds(Double(number - first) / Double(perSecond))
            if due > .now, (try? await Task.sleep(until: due, clock: .continuous)) == nil { return }
        }
    }

    private func process(_ request: IncomingRequest) async -> (APIResponse, user: String) {
        var (response, user) = await authenticated(request)
        // Priority and fairness comes after authentication.
        if core.isFair, !user.isEmpty { response.headers += Self.fairness }
        return (response, user)
    }

    /// Named as a real server does. Ours has one level for all.
    private static let fairness = [
        ("X-Kubernetes-Pf-Flowschema-Uid", "6d5f3f6c-0a40-4f0e-9c1b-5b1c8f1d0001"),
        ("X-Kubernetes-Pf-Prioritylevel-Uid", "6d5f3f6c-0a40-4f0e-9c1b-5b1c8f1d0002"),
    ]

    private func authenticated(_ request: IncomingRequest) async -> (APIResponse, user: String) {
        if connection.clientIdentity == nil, let certificate = connection.clientCertificate {
            connection.clientIdentity = ClientIdentity(
                certificate: certificate, authority: core.authorityPEM(), now: core.authenticator.now)
        }
        guard
            case .user(var user) = core.authenticator.authenticate(request.api, certificate: connection.clientIdentity)
        else { return (Authorizer.unauthorized.response, "") }
        do {
            user = try core.authorizer.impersonated(user, request.api)
        } catch {
            return (error.response, user.name)
        }
        if let refusal = core.authorizer.refusal(user, attributes) { return (refusal.response, user.name) }
        if request.isTooLarge {
            let error = APIError(
                code: 413, reason: "RequestEntityTooLarge", message: "Request entity too large: limit is 3145728")
            return (error.response, user.name)
        }
        if let own = core.wellKnown(attributes.path) { return (own, user.name) }
        return (await core.api().respond(to: ProtobufBody.translated(request.api), user: user), user.name)
    }

    private func answer(_ response: APIResponse, user: String, fault: Fault?) async {
        if fault == .loseResponse {
            record(0, user: user)
            return writer.reset()
        }
        switch response.body {
        case .bytes(let bytes): await answer(response, bytes, user: user, fault: fault)
        case .stream(let stream): await answer(response, stream, user: user, fault: fault)
        }
    }

    private func answer(_ response: APIResponse, _ original: [UInt8], user: String, fault: Fault?) async {
        record(response.status, user: user)
        var bytes = original
        switch fault {
        case .emptyList, .emptyObject, .truncatedList:
            if response.status == 200, let fault { bytes = fault.rewritten(original) }
        case .truncateBody:
            bytes = Array(original.prefix(original.count / 2))
        case .resetInBody:
            writer.begin(status: response.status, headers: response.headers, length: original.count)
            _ = await writer.send(Array(original.prefix(original.count / 2)))
            await writer.drain()
            return writer.reset()
        case .slowDrip(let size, let interval):
            writer.begin(status: response.status, headers: response.headers, length: original.count)
            if await drip(original, size, interval) { writer.end() }
            return
        default: break
        }
        writer.respond(status: response.status, headers: response.headers, body: bytes)
    }

    // MARK: Watches

    private func answer(_ response: APIResponse, _ stream: ResponseStream, user: String, fault: Fault?) async {
        record(response.status, user: user)
        let resource = attributes.resourceWithSubresource
        core.log.watch(resource, isOpen: true)
        defer { core.log.watch(resource, isOpen: false) }
        let watch = core.watches.open(attributes, userAgent: userAgent, task: writer.task)
        defer { core.watches.close(watch) }
        writer.begin(status: response.status, headers: response.headers)
        switch fault {
        case .watchStuck:
            await hang()
            return await end(watch)
        case .watchEnd: return writer.end()
        case .watchGone:
            _ = await writer.send(Fault.goneEvent)
            return writer.end()
        default: break
        }
        while let chunk = await stream.next(), watch.ending == nil {
            if core.faults.planForOpenWatch(attributes, userAgent: userAgent) == .watchStuck {
                await hang()
                break
            }
            switch fault {
            case .truncateBody:
                _ = await writer.send(Array(chunk.prefix(chunk.count / 2)))
                return writer.end()
            case .resetInBody:
                _ = await writer.send(Array(chunk.prefix(chunk.count / 2)))
                await writer.drain()
                return writer.reset()
            case .slowDrip(let size, let interval):
                guard await drip(chunk, size, interval) else { return }
            default:
                guard await writer.send(chunk) else { return }
            }
        }
        await end(watch)
    }

    /// Ends the watch as ordered, or in good order, unless the client has gone.
    private func end(_ watch: OpenWatch) async {
        switch watch.ending {
        case .gone:
            _ = await writer.send(Fault.goneEvent)
            writer.end()
        case .reset: writer.reset()
        // The order has cancelled this task as well.
        case .inOrder: writer.end()
        case nil: if !Task.isCancelled { writer.end() }
        }
    }

    // MARK: Parts

    private func drip(_ bytes: [UInt8], _ size: Int, _ interval: Duration) async -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard await writer.send(Array(rest.prefix(max(1, size)))) else { return false }
            rest = rest.dropFirst(max(1, size))
            if !rest.isEmpty, (try? await Task.sleep(for: interval)) == nil { return false }
        }
        return true
    }

    private func flood(_ bytes: Int, unit: [UInt8]) async {
        record(200, user: "")
        writer.begin(status: 200, headers: [("Content-Type", "application/json")])
        var piece = unit
        while piece.count < 64 << 10 { piece += unit }
        var sent = 0
        while sent < bytes {
            guard await writer.send(piece) else { return }
            sent += piece.count
        }
        writer.end()
    }

    /// Waits until the client goes away.
    private func hang() async {
        while !Task.isCancelled { try? await Task.sleep(for: .seconds(3_600)) }
    }

    private func record(_ status: Int, user: String) {
        core.log.record(
            attributes, userAgent: userAgent, user: user, status: status, duration: ContinuousClock.now - started)
    }
}
