import TestSupport
import Testing

/// The operator as a whole, in this process, against API servers. One test after the other: they look at times and counts
/// that two of them at once would blur.
@Suite(.serialized, .timeLimit(.minutes(2 * patience)))
enum EndToEnd {}
