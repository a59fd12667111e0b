import Fleet
import Kube
import Support

/// All that changes in an agent, but for what its queue, its watches, its progress and its `SyncMemory` keep.
struct AgentState: Sendable {
    var decisions: AgentDecisions
    private(set) var sharedPlan: Shared<DataPlanePlan>
    var plan: DataPlanePlan { sharedPlan.value }
    /// Whether there has been a plan to compare with. Without one, everything that the first lists show would be written
    /// again.
    private(set) var hasPlan: Bool
    /// The revision of the settings that the data plane is brought to, if changes are staged.
    var stage: Int64?
    /// Whether a probe with a review of our rights is under way.
    var isReviewing = false
    /// The source of the token, if the token renews itself.
    var source: RunningSource?
    /// When it last had more objects than its budget allows, and the limit.
    private var tooManyObjects: (limit: Int, at: Duration)?
    /// When details of lasting failures were last reported.
    private var lastDetails: Duration?

    init(_ decisions: AgentDecisions, _ plan: DataPlanePlan) {
        self.decisions = decisions
        sharedPlan = Shared(plan)
        hasPlan = !plan.isPending
        stage = plan.stage
    }

    /// Takes a new plan. Returns what it changes, and whether it is the first one to compare with. Nil if it changes
    /// nothing.
    mutating func follow(_ new: DataPlanePlan) -> (change: PlanChange, isFirst: Bool)? {
        guard new.replaces(plan) else { return nil }
        let change = PlanChange(from: plan, to: new)
        let isFirst = !hasPlan && !new.isPending
        sharedPlan = Shared(new)
        if isFirst { hasPlan = true }
        return (change, isFirst)
    }

    /// The excess is shown for a while, since everything may look well between two attempts.
    mutating func hasTooManyObjects(_ limit: Int, now: Duration) { tooManyObjects = (limit, now) }

    func excess(now: Duration) -> BudgetExcess? {
        if let excess = decisions.active?.excess { return excess }
        guard let tooManyObjects, now - tooManyObjects.at < Self.budgetMemory else { return nil }
        return .objects(tooManyObjects.limit)
    }
    private static let budgetMemory = Duration.seconds(60)

    /// Whether details of lasting failures may be reported now: once in an interval.
    mutating func reportsDetails(every interval: Duration, now: Duration) -> Bool {
        guard lastDetails.map({ now - $0 >= interval }) ?? true else { return false }
        lastDetails = now
        return true
    }
}
