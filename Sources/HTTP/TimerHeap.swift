/// A deadline on the engine's thread. It is in at most one heap.
final class Timer {
    /// Monotonic nanoseconds. It has no meaning while the timer is not scheduled.
    fileprivate(set) var deadline: UInt64 = 0
    fileprivate var position: Int?
    /// Called when the timer is due and no longer scheduled; it may schedule it again.
    let fire: () -> Void

    /// The owner holds the timer and cancels it before it goes away, so `fire` may hold the owner unowned.
    init(_ fire: @escaping () -> Void) { self.fire = fire }

    var isScheduled: Bool { position != nil }
}

/// The earliest deadline comes first. Each timer knows its place, so a timer that is no longer needed is taken out at
/// once. Thousands of short requests leave nothing behind that waits for their 30 seconds. swift-collections' `Heap` would
/// walk through all of its elements to take out one (`removeAll(where:)`).
struct TimerHeap {
    private var timers: [Timer] = []

    var earliest: UInt64? { timers.first?.deadline }

    /// Moves the timer if it is scheduled already.
    mutating func schedule(_ timer: Timer, at deadline: UInt64) {
        timer.deadline = deadline
        if let position = timer.position {
            settle(position)
        } else {
            timers.append(timer)
            timer.position = timers.count - 1
            settle(timers.count - 1)
        }
    }

    mutating func cancel(_ timer: Timer) {
        guard let position = timer.position else { return }
        timer.position = nil
        let last = timers.removeLast()
        guard last !== timer else { return }
        timers[position] = last
        last.position = position
        settle(position)
    }

    /// Takes out the earliest timer if its time has come.
    mutating func popDue(_ now: UInt64) -> Timer? {
        guard let first = timers.first, first.deadline <= now else { return nil }
        cancel(first)
        return first
    }

    /// Moves the timer at `start` up or down to where it belongs.
    private mutating func settle(_ start: Int) {
        var position = start
        while position > 0, timers[position].deadline < timers[(position - 1) / 2].deadline {
            exchange(position, (position - 1) / 2)
            position = (position - 1) / 2
        }
        while true {
            var smallest = position
            for child in (2 * position + 1)...(2 * position + 2)
            where child < timers.count && timers[child].deadline < timers[smallest].deadline {
                smallest = child
            }
            guard smallest != position else { return }
            exchange(position, smallest)
            position = smallest
        }
    }

    private mutating func exchange(_ left: Int, _ right: Int) {
        timers.swapAt(left, right)
        timers[left].position = left
        timers[right].position = right
    }
}
