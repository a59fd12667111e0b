import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Support
import TokenSources

/// The entry of a Secret that holds a data plane's first token. A newer token can be written back to it.
///
/// It is written only if nobody else maintains it: another manager would undo the write, and flyteadmin would not
/// notice it.
struct SecretEntry: FirstTokenPlace {
    /// The client of the control plane.
    let client: KubeClient
    let namespace: String
    let secret: String
    let key: String
    /// Whether flyteadmin reads this key, by what is published now.
    let isPublished: @Sendable () -> Bool
    var writeLog = WriteLog.silent

    func check(_ token: Sensitive) async throws(IssueFailure) { _ = try await version(holding: token) }

    func write(_ token: Sensitive, replacing old: Sensitive) async throws(IssueFailure) {
        let version = try await version(holding: old)
        var change: JSON = [
            "metadata": ["resourceVersion": .string(version)],
            "data": [key: .string(token.withBytes { Base64.encode($0) })],
        ]
        defer { change.wipe() }
        do throws(KubeError) {
            var answer = try await client.mergePatch(
                change, type: Secret.resourceType, namespace: namespace, name: secret,
                fieldManager: Ownership.fieldManager, metadataOnlyAnswer: true)
            answer.wipe()
            writeLog(WriteLine(.writtenBack, "secrets/\(secret)", in: namespace))
        } catch {
            let advice = error.isForbidden ? "; manifests/components/token-write-back grants it" : ""
            // A webhook may repeat what was sent.
            throw IssueFailure(Redaction([token, old]).clean("\(error)") + advice)
        }
    }

    /// The version of the Secret in which the key still holds that token and is ours to write.
    private func version(holding token: Sensitive) async throws(IssueFailure) -> String {
        let place = "Secret \(secret), key \(key)"
        if isPublished() {
            throw IssueFailure(
                "\(place): flyteadmin reads it too (what is published names it), and it reads a token once")
        }
        let found: Secret
        do throws(KubeError) {
            found = try await client.get(Secret.self, namespace: namespace, name: secret)
        } catch {
            throw IssueFailure("\(error)")
        }
        if let owner = found.metadata.ownerReferences?.first {
            throw IssueFailure(
                "\(place): the Secret belongs to \(owner.kind.shortForMessage) \(owner.name.shortForMessage)")
        }
        if let other = Self.otherManager(of: key, found.metadata) {
            throw IssueFailure("\(place): the manager \(other.shortForMessage) keeps it")
        }
        guard let value = found[key], value.withBytes({ Self.isEntry($0, of: token) }) else {
            throw IssueFailure("\(place): it has changed meanwhile")
        }
        guard let version = found.metadata.resourceVersion else { throw IssueFailure("\(place): has no version") }
        return version
    }

    /// Another field manager that has written that key. Nil if there is none.
    static func otherManager(of key: String, _ metadata: ObjectMeta) -> String? {
        (metadata.managedFields ?? []).first { entry in
            // A field that was applied as `stringData` is recorded under that name.
            !Ownership.entryManagers.contains(entry.manager ?? "")
                && ["f:data", "f:stringData"].contains { entry.fieldsV1?[path: [$0, "f:" + key]] != nil }
        }.map { $0.manager ?? "without a name" }
    }

    /// Whether the bytes are that token. White space around it does not count.
    private static func isEntry(_ bytes: UnsafeRawBufferPointer, of token: Sensitive) -> Bool {
        Sensitive(bytes.trimmed()) == token
    }
}
