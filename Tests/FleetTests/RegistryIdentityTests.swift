import KubeObjects
import Testing

@testable import Fleet

@Suite("Which registry this is")
struct RegistryIdentityTests {
    private func namespace(mark: String?, isApplied: Bool = true) -> ObjectMeta {
        var metadata = ObjectMeta(name: "p-development")
        metadata.annotations = mark.map { [Ownership.controlPlaneAnnotation: $0] }
        if isApplied {
            metadata.managedFields = [ManagedFieldsEntry(manager: Ownership.fieldManager, operation: "Apply")]
        }
        return metadata
    }

    @Test("It is the registry's id, else the UID of the operator's Namespace, else unknown")
    func known() {
        #expect(RegistryIdentity(IdentitySpec(), namespaceUID: "uid")?.id == "uid")
        #expect(RegistryIdentity(IdentitySpec(id: "mine"), namespaceUID: "uid")?.id == "mine")
        #expect(RegistryIdentity(IdentitySpec(id: "mine"), namespaceUID: nil)?.id == "mine")
        #expect(RegistryIdentity(IdentitySpec(), namespaceUID: nil) == nil)
        #expect(RegistryIdentity(IdentitySpec(), namespaceUID: "") == nil)
    }

    @Test("Another mark is another registry's, unless this one takes over from it")
    func foreign() throws {
        let identity = try #require(RegistryIdentity(IdentitySpec(takesOverFrom: ["old"]), namespaceUID: "uid"))
        #expect(identity.foreignOwner(of: namespace(mark: "uid")) == nil)
        #expect(identity.foreignOwner(of: namespace(mark: nil)) == nil)
        #expect(identity.foreignOwner(of: namespace(mark: "old")) == nil)
        #expect(identity.foreignOwner(of: namespace(mark: "other")) == "other")
    }

    @Test("A registry that is given an id keeps the namespaces that the UID marks")
    func given() throws {
        let identity = try #require(RegistryIdentity(IdentitySpec(id: "mine"), namespaceUID: "uid"))
        #expect(identity.foreignOwner(of: namespace(mark: "uid")) == nil)
        #expect(identity.foreignOwner(of: namespace(mark: "other")) == "other")
    }

    @Test("An empty mark is ours where we applied it, as version 0.1 did without a right")
    func empty() throws {
        let identity = try #require(RegistryIdentity(IdentitySpec(), namespaceUID: "uid"))
        #expect(identity.foreignOwner(of: namespace(mark: "")) == nil)
        #expect(identity.foreignOwner(of: namespace(mark: "", isApplied: false)) == "")
    }
}
