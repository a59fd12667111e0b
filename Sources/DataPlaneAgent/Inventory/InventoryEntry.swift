import Fleet

/// What is kept of an object in a data plane: only what is needed to see whether it is in sync.
struct InventoryEntry: Sendable, Hashable {
    /// The namespace whose work includes it: its own namespace, or for a cluster-scoped object the one that it was made
    /// for.
    var place: String
    /// Nil if the server's resourceVersion is not a number.
    var version: UInt64?
    /// The hash of the wanted object that it satisfies. Nil if it satisfies none.
    var satisfies: UInt64?
    var isTerminating = false
    /// Whether we have applied it. Our labels alone prove nothing, since anybody can set them.
    var isApplied = false
    /// Another manager has set its label `managed-by`.
    var keepsManagedBy = false
    /// Managers of Flyte own some of the fields that we applied.
    var isShared = false
    private var rare: Rare?

    init(place: String, version: UInt64?, satisfies: UInt64? = nil, isTerminating: Bool = false) {
        self.place = place
        self.version = version
        self.satisfies = satisfies
        self.isTerminating = isTerminating
    }

    /// For a Namespace: its owner.
    var standing: NamespaceStanding? {
        get { rare?.standing }
        set { rare = Rare(newValue, rare?.comparison) }
    }
    /// In Observe: what an apply would change. Nil if it would change nothing, or if what was seen is not enough to
    /// tell.
    var comparison: Comparison? {
        get { rare?.comparison }
        set { rare = Rare(rare?.standing, newValue) }
    }

    /// What few objects have. It is apart, since tables of objects have twice as many places as objects.
    private struct Rare: Sendable, Hashable {
        private final class Box: Sendable {
            let standing: NamespaceStanding?
            let comparison: Comparison?
            init(_ standing: NamespaceStanding?, _ comparison: Comparison?) {
                self.standing = standing
                self.comparison = comparison
            }
        }
        private let box: Box
        /// What most Namespaces have.
        private static let ours = Box(.ours(fromFlyte: false), nil)

        init?(_ standing: NamespaceStanding?, _ comparison: Comparison?) {
            if standing == nil, comparison == nil { return nil }
            let isOurs = comparison == nil && standing == .ours(fromFlyte: false)
            box = isOurs ? Self.ours : Box(standing, comparison)
        }

        var standing: NamespaceStanding? { box.standing }
        var comparison: Comparison? { box.comparison }

        static func == (left: Rare, right: Rare) -> Bool {
            left.box === right.box || (left.standing == right.standing && left.comparison == right.comparison)
        }
        func hash(into hasher: inout Hasher) {
            hasher.combine(standing)
            hasher.combine(comparison)
        }
    }

    /// The registry in its annotation, if that is not ours.
    var foreignOwner: String? { if case .foreign(let owner)? = standing { owner } else { nil } }
    /// The form in which it is applied.
    var form: AppliedForm {
        AppliedForm(keepsManagedBy: keepsManagedBy, adoptedFromFlyte: standing?.isFromFlyte ?? false)
    }
}
