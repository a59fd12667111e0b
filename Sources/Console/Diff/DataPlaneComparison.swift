import Fleet
import JSON
import Kube
import KubeObjects

/// Compares one data plane with what is wanted there, and asks its API server by dry run what each write would change.
///
/// It does the same as the operator: the same objects in the same order and form, with the same rules for adopting,
/// taking over, reporting and pruning. Nothing is stored.
struct DataPlaneComparison: Sendable {
    /// How many namespaces are compared at a time.
    private static let width = 8
    /// The time limit of the whole comparison.
    private static let limit = Duration.seconds(900)

    let fleet: WantedFleet
    let dataPlane: DataPlane
    let client: KubeClient

    /// What was found about one namespace.
    private struct Part: Sendable {
        var findings = DataPlaneFindings()
        /// Nothing in it is pruned.
        var isHeld = false
        /// The message of a broken template or placeholder.
        var broken: String?
    }

    func findings() async throws(KubeError) -> DataPlaneFindings {
        let end = ContinuousClock.now + Self.limit
        let kinds = try await kinds()
        let copies = !fleet.planner.snapshot.replicated.contents.isEmpty
        let types = fleet.basis.types(kinds, fleet.pruning, copies: copies)
        let rendering = NamespaceRendering(
            fleet.planner, for: dataPlane, fleet.basis, identity: fleet.identity, kinds: kinds)
        let shadow = fleet.shadow.map {
            NamespaceRendering($0, for: dataPlane, fleet.basis, identity: fleet.identity, kinds: kinds)
        }
        let plan = fleet.planner.plan
        let wanted = plan.namespaces.keys.filter { plan.isWanted($0, in: dataPlane, fleet.basis.settings) }.sorted()
        let there = try await ObjectsThere.read(
            types, client: client, wanted: Set(wanted), rendering, identity: fleet.identity,
            keepsSurplus: fleet.pruning != nil
        ) { plan.entries[$0]?.answer.name }
        let parts = try await parts(wanted, rendering, shadow, there, until: end)
        var findings = DataPlaneFindings()
        for part in parts.values {
            findings.changes += part.findings.changes
            findings.failures += part.findings.failures
        }
        findings.failures.sort { ($0.namespace, $0.object) < ($1.namespace, $1.object) }
        prune(wanted, parts, there, &findings)
        return findings
    }

    /// Which of the templates' kinds the data plane serves.
    private func kinds() async throws(KubeError) -> RESTMapper {
        var kinds = RESTMapper.wellKnown
        let unknown = (fleet.basis.templates?.kinds ?? []).filter { kinds[$0] == nil }
        for version in Set(unknown.map(\.apiVersion)).sorted() {
            guard let kind = unknown.first(where: { $0.apiVersion == version }) else { continue }
            do throws(KubeError) {
                let served = try await client.resources(group: kind.group, version: kind.version) ?? []
                for resource in served { kinds.add(resource.type) }
            } catch {
                guard error.status != nil || error.isUnexpectedAnswer else { throw error }
                kinds.gaveNoAnswer(version, error.detail)
            }
        }
        return kinds
    }

    private func parts(
        _ wanted: [String], _ rendering: NamespaceRendering, _ shadow: NamespaceRendering?, _ there: ObjectsThere,
        until end: ContinuousClock.Instant
    ) async throws(KubeError) -> [String: Part] {
        let result = await withTaskGroup(
            of: (String, Result<Part, KubeError>).self, returning: Result<[String: Part], KubeError>.self
        ) { group in
            var rest = wanted[...]
            func next() {
                guard let namespace = rest.popFirst() else { return }
                group.addTask {
                    do throws(KubeError) {
                        return (namespace, .success(try await part(namespace, rendering, shadow, there)))
                    } catch {
                        return (namespace, .failure(error))
                    }
                }
            }
            for _ in 0..<Self.width { next() }
            var parts: [String: Part] = [:]
            for await (namespace, part) in group {
                switch part {
                case .success(let part): parts[namespace] = part
                case .failure(let error):
                    group.cancelAll()
                    return .failure(error)
                }
                if ContinuousClock.now > end {
                    group.cancelAll()
                    let why = "took longer than \(Self.limit.components.seconds) s"
                    return .failure(KubeError(operation: "compare", cause: .unexpectedAnswer(why)))
                }
                next()
            }
            return .success(parts)
        }
        return try result.get()
    }

    private func part(
        _ namespace: String, _ rendering: NamespaceRendering, _ shadow: NamespaceRendering?, _ there: ObjectsThere
    ) async throws(KubeError) -> Part {
        var part = Part()
        func fail(_ object: String, _ reason: FailureReason, _ message: String) {
            part.isHeld = true
            part.findings.failures.append(
                .init(
                    namespace: namespace, object: object, reason: reason, message: fleet.redaction.clean(message)))
        }
        switch rendering.content(of: namespace) {
        case nil: break
        case .pending?:
            fail("", .templateInvalid, "something that it needs is not known")
            part.broken = "\(namespace): something that it needs is not known"
        case .failure(let reason, let object, let message)?:
            fail(object, reason, message)
            part.broken = "\(object): \(message)"
        case .objects(let objects, let refused)?:
            for refusal in refused {
                fail(refusal.object, refusal.reason, refusal.message)
                if [.placeholderUnresolved, .templateInvalid].contains(refusal.reason) {
                    part.broken = part.broken ?? "\(refusal.object): \(refusal.message)"
                }
            }
            var secrets: [String: JSON] = [:]
            if let shadow, case .objects(let others, _)? = shadow.content(of: namespace) {
                secrets = Dictionary(others.map { ($0.description, $0.json) }) { $1 }
            }
            let inquiry = NamespaceInquiry(
                fleet: fleet, client: client, namespace: namespace, shadows: shadow == nil ? nil : secrets)
            try await inquiry.ask(objects, there, &part.findings)
            part.isHeld = part.isHeld || !part.findings.failures.isEmpty
        }
        return part
    }

    /// Finds the objects that no template has any longer and that the operator would delete.
    private func prune(
        _ wanted: [String], _ parts: [String: Part], _ there: ObjectsThere, _ findings: inout DataPlaneFindings
    ) {
        guard let pruning = fleet.pruning, fleet.mayPrune, !there.surplus.isEmpty else { return }
        let broken = wanted.lazy.compactMap { parts[$0]?.broken }.first
        let count = there.surplus.values.reduce(0) { $0 + $1.count }
        let objection =
            broken.map { "nothing is deleted while a template or placeholder is broken: \($0)" }
            ?? pruning.objection(surplus: count, managed: there.managed)
        if let objection { return findings.notes.append("PruneHeld: \(fleet.redaction.clean(objection))") }
        for namespace in wanted where parts[namespace]?.isHeld == false {
            for (object, json) in there.surplus[namespace] ?? [] {
                let name = "\(object.type)/\(object.key.name)"
                let secrets = ObjectsThere.holdsSecrets(object.type) ? SecretFields.ofSecret : .none
                findings.changes.append(
                    FoundChange(
                        action: .delete, namespace: namespace, object: name,
                        diff: ObjectDiff(
                            "\(namespace)/\(name)", old: json, new: nil, secrets: secrets, redaction: fleet.redaction)))
            }
        }
    }
}
