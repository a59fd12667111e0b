/// What ExecutionClusterLabels want in flyteadmin.
public struct RowClaims: Sendable, Hashable {
    public struct Claim: Sendable, Hashable {
        public var key: AdminRowKey
        public var value: String
        /// The object's name.
        public var object: String
    }
    /// Why an object's row is left as it is.
    public enum Hold: Sendable, Hashable {
        /// No ExecutionLabel has the label. flyteadmin sends executions with an unknown label to its default label or
        /// to any cluster. The last good label is better than that.
        case labelUnknown(String)
        /// An older object sets the same row.
        case duplicate(of: String)
    }

    public private(set) var wanted: [AdminRowKey: Claim] = [:]
    /// Rows that are neither written nor deleted, because their object's label is unknown or its spec can't be used.
    public private(set) var kept: Set<AdminRowKey> = []
    public private(set) var holds: [String: Hold] = [:]
    /// Objects that can't be read at all. Nobody can say which rows are theirs, so no row is deleted meanwhile.
    public var unreadable: [String] = []

    public init() {}

    /// The rows that objects want.
    public init(_ claims: [Claim], kept: Set<AdminRowKey>, unreadable: [String] = []) {
        for claim in claims { wanted[claim.key] = claim }
        self.kept = kept.subtracting(wanted.keys)
        self.unreadable = unreadable.sorted()
    }

    /// - Parameters:
    ///   - assignments: all readable objects, also those with problems.
    ///   - labels: the labels of the ExecutionLabels.
    ///   - unreadable: the names of the objects that can't be read.
    public init(_ assignments: [ExecutionClusterLabel], labels: Set<String>, unreadable: [String] = []) {
        self.unreadable = unreadable.sorted()
        let usable = assignments.filter { $0.spec.problems().isEmpty }
        let duplicates = AssignmentRules.duplicates(usable)
        for object in assignments where !object.spec.problems().isEmpty { kept.insert(AdminRowKey(object.spec)) }
        for object in usable {
            let (key, name) = (AdminRowKey(object.spec), object.metadata.name)
            if let older = duplicates[name] {
                holds[name] = .duplicate(of: older)
            } else if !labels.contains(object.spec.value) {
                holds[name] = .labelUnknown(object.spec.value)
                kept.insert(key)
            } else {
                wanted[key] = Claim(key: key, value: object.spec.value, object: name)
            }
        }
        kept.subtract(wanted.keys)
    }
}
