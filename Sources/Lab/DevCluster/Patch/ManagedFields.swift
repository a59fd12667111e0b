import JSON
import KubeObjects
import Support

/// The managers and their fields: `metadata.managedFields`, decoded.
struct ManagedFields: Sendable {
    /// The identity of an entry. An applier keeps its entry over versions; an updater has one for each version.
    struct Manager: Sendable, Hashable {
        var name: String
        var isApplier: Bool
        var apiVersion: String
        var subresource: String

        init(name: String, isApplier: Bool, apiVersion: String, subresource: String) {
            self.name = name
            self.isApplier = isApplier
            self.apiVersion = isApplier ? "" : apiVersion
            self.subresource = subresource
        }
    }
    struct Entry: Sendable {
        var fields: FieldSet
        var apiVersion: String
        var time: String?
    }
    var entries: [Manager: Entry] = [:]

    init() {}

    /// Nil if the entries can't be read.
    init?(json: JSON?) {
        guard let list = json?.array else { return }
        for item in list {
            let operation = item["operation"]?.string
            guard operation == "Apply" || operation == "Update", let fields = FieldSet(json: item["fieldsV1"] ?? [:])
            else {
                return nil
            }
            let apiVersion = item["apiVersion"]?.string ?? ""
            let manager = Manager(
                name: item["manager"]?.string ?? "", isApplier: operation == "Apply", apiVersion: apiVersion,
                subresource: item["subresource"]?.string ?? "")
            entries[manager] = Entry(fields: fields, apiVersion: apiVersion, time: item["time"]?.string)
        }
    }

    /// Appliers first, then by time and name, as the real server sorts them. Nil if there are none.
    var json: JSON? {
        if entries.isEmpty { return nil }
        let sorted = entries.sorted { left, right in
            let (a, b) = (left.key, right.key)
            if a.isApplier != b.isApplier { return a.isApplier }
            let (s, t) = (left.value.time ?? "", right.value.time ?? "")
            if s != t { return s < t }
            if a.name != b.name { return a.name < b.name }
            if left.value.apiVersion != right.value.apiVersion { return left.value.apiVersion < right.value.apiVersion }
            return a.subresource < b.subresource
        }
        return .array(
            sorted.map { manager, entry in
                var item: JSON = [
                    "manager": .string(manager.name), "operation": manager.isApplier ? "Apply" : "Update",
                    "apiVersion": .string(entry.apiVersion), "fieldsType": "FieldsV1", "fieldsV1": entry.fields.json,
                ]
                if let time = entry.time { item["time"] = .string(time) }
                if !manager.subresource.isEmpty { item["subresource"] = .string(manager.subresource) }
                return item
            })
    }

    /// Updaters beyond ten are folded into `ancient-changes`, the oldest first.
    mutating func capUpdaters(at maximum: Int = 10) {
        let updaters = entries.filter { !$0.key.isApplier && $0.key.subresource.isEmpty }
            .sorted { ($0.value.time ?? "", $0.key.name) < ($1.value.time ?? "", $1.key.name) }
        guard updaters.count > maximum else { return }
        for (manager, entry) in updaters.prefix(updaters.count - maximum + 1) where manager.name != "ancient-changes" {
            entries[manager] = nil
            let bucket = Manager(
                name: "ancient-changes", isApplier: false, apiVersion: entry.apiVersion, subresource: "")
            let older = entries[bucket]
            entries[bucket] = Entry(
                fields: older.map { $0.fields.union(entry.fields) } ?? entry.fields, apiVersion: entry.apiVersion,
                time: max(older?.time ?? "", entry.time ?? ""))
        }
    }
}
