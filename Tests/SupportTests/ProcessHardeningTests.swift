import Foundation
import Support
import Testing

@Suite("A process that holds tokens", .serialized)
struct ProcessHardeningTests {
    @Test("Variables that could change TLS or routes are removed from the environment")
    func environment() {
        setenv("SSLKEYLOGFILE", "/tmp/keys", 1)
        setenv("https_proxy", "http://proxy:3128", 1)
        setenv("SQUADRON_TEST_STAYS", "yes", 1)
        let cleared = ProcessHardening.clearEnvironment()
        #expect(cleared.contains("SSLKEYLOGFILE") && cleared.contains("https_proxy"))
        #expect(ProcessHardening.variables.allSatisfy { getenv($0) == nil })
        #expect(getenv("SQUADRON_TEST_STAYS") != nil)
        #expect(ProcessHardening.clearEnvironment() == [])
    }

    @Test("The soft limit of open files is raised to the hard one")
    func openFiles() throws {
        func limits() -> rlimit {
            var limits = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
            return limits
        }
        // The limit is not lower than what a test in the same process may hold just now.
        var lower = limits()
        lower.rlim_cur = min(lower.rlim_max, 4096)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &lower)
        let raised = try ProcessHardening.raiseOpenFileLimit()
        #expect(raised == limits().rlim_max && limits().rlim_cur == limits().rlim_max)
    }
}
