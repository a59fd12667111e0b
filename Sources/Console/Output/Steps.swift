import Support

/// The progress of a command of several steps: a line for each step, and one for each new thing that it waits for.
struct Steps {
    /// What was done, for people.
    private(set) var done: [String] = []
    private let screen: Screen
    private let patience: Duration
    private let clock = ContinuousClock()
    private var waiting: (text: String, end: ContinuousClock.Instant)?
    private var conflicts = 0

    /// - Parameter patience: how long to wait for one thing.
    init(_ screen: Screen, patience: Duration) {
        self.screen = screen
        self.patience = patience
    }

    mutating func say(_ word: String, _ text: String) {
        screen.print(Self.line(word, text))
        done.append("\(word) \(text)")
        waiting = nil
        conflicts = 0
    }

    /// The first column is as wide as in `join`.
    static func line(_ word: String, _ text: String) -> String {
        word + String(repeating: " ", count: max(1, 13 - word.count)) + text.shownOnTerminal(limit: 2048)
    }

    /// False once all waiting since the last step has taken too long.
    mutating func wait(for what: String) -> Bool {
        if waiting?.text != what {
            screen.print(Self.line("waiting", "for \(what)"))
            waiting = (what, waiting?.end ?? clock.now + patience)
        }
        return waiting.map { clock.now < $0.end } ?? true
    }

    /// True for a few attempts in a row.
    mutating func mayTryAgain() -> Bool {
        conflicts += 1
        return conflicts <= 20
    }
}
