import JSON
import KubeObjects
import Support

extension JSON {
    /// Changes values to the form in which an API server stores them.
    ///
    /// Server-side apply compares the sent value with the stored one before it converts either. So a template's
    /// `limits.cpu: 4` and the stored "4" differ, and a quota that `syncresources` made from the same template would
    /// conflict for ever. (Seen on a real API server 1.36.)
    mutating func takeStoredForm(as type: ResourceType) {
        guard type.group.isEmpty else { return }
        switch type.kind {
        case "Secret": storeStringData()
        case "ResourceQuota":
            guard let hard = self[path: ["spec", "hard"]], hard.object != nil else { return }
            self[path: ["spec", "hard"]] = hard.storedQuantities
        case "LimitRange":
            guard case .array(let limits)? = self[path: ["spec", "limits"]] else { return }
            self[path: ["spec", "limits"]] = .array(limits.map(\.storedLimit))
        default: break
        }
    }

    /// Moves a Secret's `stringData` into `data`, as the API server does. `stringData` is never stored, so nobody could
    /// see later whether it is still what was applied.
    private mutating func storeStringData() {
        guard case .object(let texts)? = self["stringData"] else { return }
        for (key, value) in texts {
            let bytes = value.string.map { Array($0.utf8) } ?? value.serialized()
            self[path: ["data", key]] = .string(Base64.encode(bytes))
        }
        self["stringData"] = nil
    }

    private var storedQuantities: JSON {
        guard case .object(let quantities) = self else { return self }
        return .object(quantities.mapValues { value in Quantity(value).map { .string($0.text) } ?? value })
    }

    /// `limits` is a list with one owner as a whole, so defaults that the server adds to an entry count too. A
    /// container's default limit is its maximum. Its default request is that limit, or else its minimum.
    private var storedLimit: JSON {
        guard object != nil else { return self }
        var limit = self
        for member in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
            if let amounts = limit[member] { limit[member] = amounts.storedQuantities }
        }
        guard limit["type"] == "Container" else { return limit }
        for (source, target) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
            let known = limit[target]?.object ?? [:]
            let merged = (limit[source]?.object ?? [:]).merging(known) { _, known in known }
            if !merged.isEmpty { limit[target] = .object(merged) }
        }
        return limit
    }
}
