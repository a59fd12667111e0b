import Fleet
import KubeObjects
import Support

/// A token in a Secret of the control plane, and its claims.
struct RotatedEntry: Sendable, Hashable {
    var secret: String
    var key: String
    /// The account in the data plane.
    var account: String
    var namespace: String
    var place: String { "Secret \(secret), key \(key)" }
}

/// Everything that decides the next step of `squadron rotate` for one entry.
struct RotateFacts: Sendable {
    /// A token Secret of the account in the data plane.
    struct TokenSecret: Sendable, Hashable {
        var name: String
        var uid: String?
        /// The Secret that this one replaces while the rotation goes on. Empty: there is no Secret to delete.
        var replaces: String?
    }
    enum Use: Sendable, Hashable {
        /// It does not read this entry.
        case notConcerned
        case usesIt
        case waits(String)
    }
    /// The Secret in the data plane that the entry's token comes from. Nil if that is not known.
    var current: String?
    var tokens: [TokenSecret] = []
    /// The Secrets in the data plane that the tokens of the DataPlane's other entries come from. They must stay.
    var othersUse: Set<String> = []
    /// Whether the operator works with the entry's token.
    var squadron = Use.notConcerned
    /// Whether flyteadmin does.
    var flyteAdmin = FlyteAdminFacts.Rollout.done(since: nil)
}

extension RotateFacts {
    /// Whether that Secret is the new one of this entry: it has a mark, and not one that another entry's rotation left.
    func isMarkedForThis(_ token: TokenSecret) -> Bool {
        guard let replaces = token.replaces else { return false }
        if token.name == current || replaces == current { return true }
        return !othersUse.contains(token.name) && !othersUse.contains(replaces)
    }
}

/// The next step of `squadron rotate`, by what it sees. During a rotation, the new token Secret in the data plane
/// carries a mark, so an interrupted run continues where it stopped. The old Secret is deleted last of all, and both
/// tokens work until then.
struct RotatePlan: Sendable, Hashable {
    enum Step: Sendable, Hashable {
        /// In the data plane.
        case create(name: String, replaces: String)
        /// The mark names another Secret than the one in use.
        case mark(name: String, replaces: String)
        /// Writes its token into the control plane's Secret.
        case publish(name: String)
        case wait(String)
        case restart(String)
        case deleteOld(String, uid: String?)
        /// Removes the mark: the end.
        case finish(name: String)
        case stop(String)
    }
    static let annotation = FleetGroup.name + "/replaces"

    let step: Step
    /// What is left to do, with this step.
    let left: [String]

    /// - Parameter newName: the name of a Secret that does not exist.
    init(_ entry: RotatedEntry, _ facts: RotateFacts, newName: String) {
        // If two runs began at the same time, all of them choose the same new Secret.
        let new = facts.tokens.filter { facts.isMarkedForThis($0) }.min { $0.name < $1.name }
        step = Self.step(entry, facts, new, newName)
        let isPublished = new != nil && facts.current == new?.name
        var left: [String] = []
        if new == nil { left.append("make a new token of \(entry.account)") }
        if !isPublished { left.append("publish it to \(entry.place)") }
        left.append("have Squadron and flyteadmin use it, and delete the old one")
        self.left = left
    }

    private static func step(
        _ entry: RotatedEntry, _ facts: RotateFacts, _ new: RotateFacts.TokenSecret?, _ newName: String
    ) -> Step {
        guard let new else {
            let old = facts.tokens.contains { $0.name == facts.current } ? facts.current : nil
            return .create(name: newName, replaces: old ?? "")
        }
        guard facts.current == new.name else {
            // An entry that somebody has emptied or overwritten meanwhile does not say what is to be deleted. The mark does.
            guard let old = facts.current, facts.tokens.contains(where: { $0.name == old }) else {
                return .publish(name: new.name)
            }
            return old == new.replaces ? .publish(name: new.name) : .mark(name: new.name, replaces: old)
        }
        if case .waits(let text) = facts.squadron { return .wait(text) }
        switch facts.flyteAdmin {
        case .waits(let text): return .wait("flyteadmin to read the new token: \(text)")
        case .needsRestart(let name): return .restart(name)
        case .noReaders:
            return .stop(
                "no Deployment here mounts Secret \(entry.secret), which something of flyteadmin's names: restart what reads "
                    + "it. The old token's Secret \(new.replaces ?? "") in the data plane stays; delete it then, and take the "
                    + "annotation \(annotation) from Secret \(new.name) there")
        case .done: break
        }
        // Another entry that has the same token deletes it, as the last one.
        if let old = facts.tokens.first(where: { $0.name == new.replaces }), !facts.othersUse.contains(old.name) {
            return .deleteOld(old.name, uid: old.uid)
        }
        return .finish(name: new.name)
    }
}
