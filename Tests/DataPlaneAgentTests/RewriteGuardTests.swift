import Testing

@testable import DataPlaneAgent

@Suite("How often one content is written")
struct RewriteGuardTests {
    /// Somebody undoes each write at once. The times of the repeated writes, within that duration.
    private func writes(until end: Duration, undoneAfter pause: Duration = .milliseconds(10)) -> [Duration] {
        var rewrites = RewriteGuard()
        var (now, writes) = (Duration.zero, [Duration]())
        while now <= end {
            if let wait = rewrites.wait(1, now: now) {
                now += wait
                continue
            }
            rewrites.wrote(1, now: now)
            writes.append(now)
            now += pause
        }
        return writes
    }

    @Test("What is undone at once is written again three times at once, then once in 30 s")
    func damped() {
        let found = writes(until: .seconds(300))
        #expect(found.prefix(4).allSatisfy { $0 < .seconds(1) })
        let gaps = zip(found.dropFirst(4), found.dropFirst(3)).map { $0 - $1 }
        #expect(gaps.dropFirst().allSatisfy { $0 >= .seconds(30) }, "\(found)")
        #expect(found.count <= 14, "\(found)")
    }

    @Test("One that undoes slowly is met by no more writes than that in the long run")
    func slowFight() {
        #expect(writes(until: .seconds(600), undoneAfter: .seconds(20)).count <= 24)
        #expect(writes(until: .seconds(600), undoneAfter: .seconds(60)).count == 11, "no fight: each is put back")
    }

    @Test("Another content is written at once, and what was long ago takes no room")
    func others() {
        var rewrites = RewriteGuard()
        for _ in 0..<4 { rewrites.wrote(1, now: .zero) }
        #expect(rewrites.wait(1, now: .zero) == .seconds(30) && rewrites.wait(2, now: .zero) == nil)
        rewrites.complain(1, .init(reason: .rewritten, message: "x"))
        #expect(rewrites.complaint(1)?.message == "x")
        rewrites.sweep(now: .seconds(119))
        #expect(rewrites.complaint(1) != nil)
        rewrites.sweep(now: .seconds(120))
        #expect(rewrites.complaint(1) == nil && rewrites.wait(1, now: .seconds(120)) == nil)
    }
}
