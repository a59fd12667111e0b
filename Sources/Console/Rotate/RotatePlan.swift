import Fleet
import KubeObjects
import Support

/// A token in a Secret of the control plane, and what it says of itself.
struct RotatedEntry: Sendable, Hashable {
    var secret: String
    var key: String
    /// The account in the data plane.
    var account: String
    var namespace: String
    var place: String { "Secret \(secret), key \(key)" }
}

/// Everything that the decision rests on what `squadron rotate` does next for one entry.
struct RotateSight: Sendable {
    /// A token Secret of the account in the data plane.
    struct TokenSecret: Sendable, Hashable {
        var name: String
        var uid: String?
        /// The Secret whose token it takes the place of: the rotation is not over. Empty: there is none to delete.
        var replaces: String?
    }
    enum Use: Sendable, Hashable {
        /// It does not read this entry.
        case notConcerned
        case usesIt
        case waits(String)
    }
    /// The Secret in the data plane that the entry's token comes from; nil where it can't be told.
    var current: String?
    var tokens: [TokenSecret] = []
    /// Whether the operator works with the entry's token.
    var squadron = Use.notConcerned
    /// Whether flyteadmin does.
    var flyteAdmin = FlyteAdminSight.Rollout.done(since: nil)
}

/// What `squadron rotate` does next, by what is seen. The new token Secret in the data plane carries the mark of a rotation
/// that goes on, so that a run that was interrupted goes on where it was. The old one is deleted last of all, and both work
/// until then.
struct RotatePlan: Sendable, Hashable {
    enum Step: Sendable, Hashable {
        /// In the data plane.
        case create(name: String, replaces: String)
        /// The mark names another Secret than the one in use.
        case mark(name: String, replaces: String)
        /// Its token into the control plane's Secret.
        case publish(name: String)
        case wait(String)
        case restart(String)
        case deleteOld(String, uid: String?)
        /// Takes the mark away: the end.
        case finish(name: String)
        case stop(String)
    }
    static let annotation = FleetGroup.name + "/replaces"

    let step: Step
    /// What is still to be done, this step included.
    let left: [String]

    /// - Parameter newName: for a Secret that isn't there.
    init(_ entry: RotatedEntry, _ sight: RotateSight, newName: String) {
        // Of two, begun at the same time, the same one for everybody.
        let new = sight.tokens.filter { $0.replaces != nil }.min { $0.name < $1.name }
        step = Self.step(entry, sight, new, newName)
        let isPublished = new != nil && sight.current == new?.name
        var left: [String] = []
        if new == nil { left.append("make a new token of \(entry.account)") }
        if !isPublished { left.append("publish it to \(entry.place)") }
        left.append("have Squadron and flyteadmin use it, and delete the old one")
        self.left = left
    }

    private static func step(
        _ entry: RotatedEntry, _ sight: RotateSight, _ new: RotateSight.TokenSecret?, _ newName: String
    ) -> Step {
        guard let new else {
            let old = sight.tokens.contains { $0.name == sight.current } ? sight.current : nil
            return .create(name: newName, replaces: old ?? "")
        }
        guard sight.current == new.name else {
            let old = sight.tokens.contains { $0.name == sight.current } ? sight.current ?? "" : ""
            return old == new.replaces ? .publish(name: new.name) : .mark(name: new.name, replaces: old)
        }
        if case .waits(let text) = sight.squadron { return .wait(text) }
        switch sight.flyteAdmin {
        case .waits(let text): return .wait("flyteadmin to read the new token: \(text)")
        case .needsRestart(let name): return .restart(name)
        case .noReaders:
            return .stop(
                "no Deployment here mounts Secret \(entry.secret), which something of flyteadmin's names: restart what reads "
                    + "it. The old token's Secret \(new.replaces ?? "") in the data plane stays; delete it then, and take the "
                    + "annotation \(annotation) from Secret \(new.name) there")
        case .done: break
        }
        if let old = sight.tokens.first(where: { $0.name == new.replaces }) {
            return .deleteOld(old.name, uid: old.uid)
        }
        return .finish(name: new.name)
    }
}
