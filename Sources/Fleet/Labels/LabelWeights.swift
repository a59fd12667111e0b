/// What holds for the weights of one label: checked at admission by the CRD and again here.
public enum LabelWeights {
    /// Sums of decimal fractions are not exact: three times 0.333 is meant as one.
    public static let tolerance = 0.001

    /// What is wrong, naming the field, or nil.
    public static func problem(_ clusters: [ExecutionLabelSpec.Cluster]) -> String? {
        if clusters.isEmpty { return "spec.clusters: is empty" }
        var seen: Set<String> = []
        var sum = 0.0
        for (index, cluster) in clusters.enumerated() {
            guard cluster.weight >= 0, cluster.weight <= 1 else {
                return "spec.clusters[\(index)].weight: \(text(cluster.weight)) is not between 0 and 1"
            }
            guard seen.insert(cluster.name).inserted else {
                return "spec.clusters[\(index)].name: \(cluster.name.quotedForMessage) is there twice"
            }
            sum += cluster.weight
        }
        // One part in 10^9 beyond the tolerance, for the rounding of the sum itself.
        guard abs(sum - 1) <= tolerance + 1e-9 else {
            return "spec.clusters: the weights sum to \(text(sum)) and not to 1"
        }
        return nil
    }

    /// `1`, `0.5`: no more digits than it takes, three after the point at most for what isn't short.
    public static func text(_ weight: Double) -> String {
        guard weight.isFinite, abs(weight) < 1e15 else { return "\(weight)" }
        if weight == weight.rounded() { return String(Int64(weight)) }
        let exact = "\(weight)"
        return exact.utf8.count <= 8 ? exact : "\((weight * 1e6).rounded() / 1e6)"
    }
}
