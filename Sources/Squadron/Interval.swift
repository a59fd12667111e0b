import ArgumentParser
import Support

/// A duration as people type it: seconds (`10`), or with units (`10s`, `1m30s`, `500ms`).
struct Interval: ExpressibleByArgument, Sendable, CustomStringConvertible {
    let duration: Duration

    static func seconds(_ count: Int) -> Interval { Interval(duration: .seconds(count)) }

    init(duration: Duration) { self.duration = duration }

    init?(argument: String) {
        guard let duration = Duration(typed: argument) else { return nil }
        self.duration = duration
    }

    var description: String { "\(duration)" }
    var defaultValueDescription: String { "\(duration.components.seconds)s" }
}
