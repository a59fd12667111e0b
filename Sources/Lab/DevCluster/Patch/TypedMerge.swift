import JSON

extension FieldType {
    /// Lays an applied configuration over the live object. The configuration wins. Elements of granular lists are
    /// merged by their keys, and keep the live order unless the configuration has another.
    func merged(_ live: JSON?, _ applied: JSON?) -> JSON? {
        guard let applied else { return live }
        guard let live else { return applied }
        switch treatment(of: applied) {
        case .leaf: return applied
        case .map(let type, _):
            guard var result = live.object else { return applied }
            for (name, member) in applied.object ?? [:] { result[name] = type(name).merged(result[name], member) }
            return .object(result)
        case .list(let element, let kind):
            guard let old = live.array, let new = applied.array else { return applied }
            return .array(element.merged(old, new, kind))
        }
    }

    private func merged(_ old: [JSON], _ new: [JSON], _ kind: ListKind) -> [JSON] {
        func identified(_ items: [JSON]) -> [(step: PathElement, item: JSON)] {
            items.compactMap { item in Self.element(item, kind, self).map { ($0, item) } }
        }
        let (before, after) = (identified(old), identified(new))
        let inBefore = Dictionary(before.map { ($0.step, $0.item) }, uniquingKeysWith: { first, _ in first })
        let inAfter = Dictionary(after.map { ($0.step, $0.item) }, uniquingKeysWith: { first, _ in first })
        /// The elements that both have, in the order of the configuration. Live elements are passed over until their
        /// turn.
        var shared = after.map(\.step).filter { inBefore[$0] != nil }[...]
        var next = shared.popFirst()
        var done: Set<PathElement> = []
        var result: [JSON] = []
        var (left, right) = (0, 0)
        while left < before.count || right < after.count {
            if left < before.count, right < after.count {
                let step = before[left].step
                if step == after[right].step {
                    done.insert(step)
                    if let item = merged(inBefore[step], inAfter[step]) { result.append(item) }
                    left += 1
                    right += 1
                    next = shared.popFirst()
                    continue
                }
                if inAfter[step] != nil, let awaited = next, awaited != step {
                    left += 1
                    continue
                }
            }
            if left < before.count {
                let step = before[left].step
                if inAfter[step] == nil {
                    result.append(before[left].item)
                    left += 1
                    continue
                } else if done.contains(step) {
                    left += 1
                }
            }
            if right < after.count {
                let step = after[right].step
                done.insert(step)
                if let item = merged(inBefore[step], inAfter[step]) { result.append(item) }
                right += 1
                if next == step { next = shared.popFirst() }
            }
        }
        return result
    }

    /// The value without the fields of a set.
    func removing(_ set: FieldSet, from value: JSON) -> JSON {
        guard !set.isEmpty else { return value }
        switch treatment(of: value) {
        case .leaf: return value
        case .map(let type, _):
            guard let members = value.object else { return value }
            var result: [String: JSON] = [:]
            for (name, member) in members where !set.contains(.field(name)) {
                result[name] = set.children[.field(name)].map { type(name).removing($0, from: member) } ?? member
            }
            return .object(result)
        case .list(let element, let kind):
            var result: [JSON] = []
            for item in value.array ?? [] {
                guard let step = Self.element(item, kind, element) else {
                    result.append(item)
                    continue
                }
                if set.contains(step) { continue }
                result.append(set.children[step].map { element.removing($0, from: item) } ?? item)
            }
            return .array(result)
        }
    }
}
