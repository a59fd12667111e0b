import TestSupport
import Testing

/// The operator as a whole, in this process, against API servers.
///
/// These tests mostly wait, for what an operator or a person would wait for too. So four groups run side by side, each one
/// test after the other. A test in them may neither measure this process nor expect much within little time: two processors
/// serve four of them. Such a test belongs to `Alone`. `hack/test` runs that group by itself.
///
/// A suite has another name than its group: inside of the group that name would mean the suite, and `.serialized` with it.
@Suite(.timeLimit(.minutes(4 * patience)))
enum EndToEnd {
    /// What the operator writes into data planes, and says of them.
    @Suite(.serialized) enum Syncing {}
    /// What it writes for flyteadmin, and asks it.
    @Suite(.serialized) enum Flyte {}
    /// What is wrong, and its consequences.
    @Suite(.serialized) enum Faults {}
    /// The program: its commands, and the operator as a process.
    @Suite(.serialized) enum Commands {}
    /// What looks at times, at the memory of this process, or at real API servers.
    @Suite(.serialized) enum Alone {}
}
