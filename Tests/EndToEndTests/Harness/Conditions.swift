import JSON
import Testing

/// The conditions in an object's status.
struct Conditions: CustomStringConvertible {
    struct Condition: Equatable, CustomStringConvertible {
        var status: String
        var reason: String
        var message: String
        var since: String
        var observedGeneration: Int64?
        var description: String { "\(status) \(reason) (\(message))" }
    }
    private var byType: [String: Condition] = [:]

    init(_ object: JSON?) {
        for condition in object?[path: ["status", "conditions"]]?.array ?? [] {
            byType[condition["type"]?.string ?? ""] = Condition(
                status: condition["status"]?.string ?? "", reason: condition["reason"]?.string ?? "",
                message: condition["message"]?.string ?? "", since: condition["lastTransitionTime"]?.string ?? "",
                observedGeneration: condition["observedGeneration"]?.int)
        }
    }

    subscript(type: String) -> Condition? { byType[type] }
    var types: Set<String> { Set(byType.keys) }
    func allTrue(but exceptions: Set<String> = []) -> Bool {
        !byType.isEmpty && byType.allSatisfy { exceptions.contains($0.key) || $0.value.status == "True" }
    }
    var description: String {
        byType.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
    }
}

extension TestFleet {
    func conditions(_ kind: String, _ name: String) async throws -> Conditions {
        Conditions(try await admin.get(kind, name))
    }

    /// Waits until a condition has that reason (of the object's newest generation); answers it.
    @discardableResult
    func reports(
        _ kind: String, _ name: String, _ type: String, _ reason: String, within limit: Duration = .seconds(60)
    ) async throws -> Conditions.Condition {
        let seen = try await eventually("\(kind) \(name): \(type) is \(reason)", within: limit) {
            let object = try await admin.get(kind, name)
            return (Conditions(object), object?[path: ["metadata", "generation"]]?.int)
        } until: { conditions, generation in
            conditions[type]?.reason == reason
                && (conditions[type]?.observedGeneration ?? generation) == generation
        }
        return seen.0[type]!
    }

    /// Waits until a DataPlane's condition has that reason.
    @discardableResult
    func reports(
        _ number: Int, _ type: String, _ reason: String, within limit: Duration = .seconds(60)
    ) async throws -> Conditions.Condition {
        try await reports("DataPlane", "dataplane-\(number)", type, reason, within: limit)
    }

    /// Waits until all data planes are Ready and hold that many namespaces.
    func settles(_ namespaces: Int, within limit: Duration = .seconds(60)) async throws {
        for number in 1...dataPlanes.count { try await settles(number, namespaces, within: limit) }
    }

    func settles(_ number: Int, _ namespaces: Int, within limit: Duration = .seconds(60)) async throws {
        try await eventually("dataplane-\(number) is Ready with \(namespaces) namespaces", within: limit) {
            let object = try await admin.get("DataPlane", "dataplane-\(number)")
            return (
                Conditions(object), object?[path: ["status", "namespaces"]] ?? .null,
                object?[path: ["status", "observedGeneration"]] == object?[path: ["metadata", "generation"]]
            )
        } until: { conditions, counts, isCurrent in
            isCurrent && conditions["Ready"]?.status == "True" && counts["synced"] == .int(Int64(namespaces))
                && counts["desired"] == .int(Int64(namespaces))
        }
    }

    /// The annotation on a namespace's `default` ServiceAccount.
    func annotation(
        _ number: Int, _ namespace: String, _ key: String = "eks.amazonaws.com/role-arn"
    ) async throws -> String? {
        try await self[number].admin.get("ServiceAccount", "default", in: namespace)?[
            path: ["metadata", "annotations", key]]?.string
    }
}
