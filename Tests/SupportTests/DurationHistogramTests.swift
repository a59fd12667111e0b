import Support
import Testing

@Suite("Histogram")
struct DurationHistogramTests {
    @Test("A duration counts in each bucket whose bound it does not pass")
    func buckets() {
        var histogram = DurationHistogram([.seconds(1), .seconds(10)])
        for duration in [Duration.zero, .seconds(1), .milliseconds(1001), .seconds(11), .seconds(-5)] {
            histogram.observe(duration)
        }
        #expect(histogram.cumulative == [3, 4, 5] && histogram.count == 5)
        #expect(histogram.sum == .milliseconds(13_001), "one that went backwards counts as none")
    }

    @Test("Two histograms are added up")
    func sum() {
        var first = DurationHistogram([.seconds(1)])
        var second = first
        first.observe(.seconds(1))
        second.observe(.seconds(2))
        first += second
        #expect(first.cumulative == [1, 2] && first.sum == .seconds(3))
    }
}
