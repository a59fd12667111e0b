/// The rules for the weights of one label. The CRD checks them at admission, and this checks them again.
public enum LabelWeights {
    /// Sums of decimal fractions are not exact: three times 0.333 means 1.
    public static let tolerance = 0.001

    /// What is wrong, with the field. Nil if nothing is.
    public static func problem(_ clusters: [ExecutionLabelSpec.Cluster]) -> String? {
        if clusters.isEmpty { return "spec.clusters: is empty" }
        var seen: Set<String> = []
        var sum = 0.0
        for (index, cluster) in clusters.enumerated() {
            guard cluster.weight >= 0, cluster.weight <= 1 else {
                return "spec.clusters[\(index)].weight: \(text(cluster.weight)) is not between 0 and 1"
            }
            guard seen.insert(cluster.name).inserted else {
                return "spec.clusters[\(index)].name: \(cluster.name.quotedForMessage) appears twice"
            }
            sum += cluster.weight
        }
        // One part in 10^9 beyond the tolerance covers the rounding of the sum itself.
        guard abs(sum - 1) <= tolerance + 1e-9 else {
            return "spec.clusters: the weights sum to \(text(sum)) and not to 1"
        }
        return nil
    }

    /// `1` or `0.5`: as few digits as possible, rounded to six decimal places if the exact text is long.
    public static func text(_ weight: Double) -> String {
        guard weight.isFinite, abs(weight) < 1e15 else { return "\(weight)" }
        if weight == weight.rounded() { return String(Int64(weight)) }
        let exact = "\(weight)"
        return exact.utf8.count <= 8 ? exact : "\((weight * 1e6).rounded() / 1e6)"
    }
}
