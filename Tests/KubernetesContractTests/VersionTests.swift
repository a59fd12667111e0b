import JSON
import TestSupport
import Testing

/// What the operator assumes of definitions with more than one version: ours will have some.
@Suite("Contract: versions of custom resources", .timeLimit(.minutes(3 * patience)))
struct VersionTests {
    @Test(
        "An object stored in one version is read, listed, watched and patched in another",
        arguments: ServerKind.atHand)
    func conversion(_ kind: ServerKind) async throws {
        try await Things.with(kind, [.init("v1", stored: true), .init("v2", fields: ["a", "b", "c"])]) { api, things in
            try await things.served("v1", "v2")
            let list = try await api.get(things.path("v2")).require(200)
            let watch = try await api.watch("\(things.path("v2"))?resourceVersion=\(list.resourceVersion)")
            let made = try await api.post(things.path("v1"), things.thing("v1", "t", ["a": "1"])).require(201)
            let read = try await api.get(things.path("v2", "t")).require(200)
            #expect(read["apiVersion"] == things.apiVersion("v2") && read["spec"] == ["a": "1"])
            #expect(read.uid == made.uid && read.resourceVersion == made.resourceVersion)
            let items = try await api.get(things.path("v2")).require(200)["items"]?.array
            #expect(items == [read.json])
            #expect(try await watch.next()?.object == read.json)
            // c is v2's alone: stored as v1, it is lost.
            let other = try await api.post(things.path("v2"), things.thing("v2", "u", ["a": "1", "c": "1"])).require(
                201)
            #expect(other["spec"] == ["a": "1"])
            let patched = try await api.patch(.merge, things.path("v2", "t"), ["spec": ["b": "2"]]).require(200)
            #expect(patched["spec"] == ["a": "1", "b": "2"] && patched.metadata["generation"] == 2)
            let again = try await api.get(things.path("v1", "t")).require(200)
            #expect(again["apiVersion"] == things.apiVersion("v1") && again["spec"] == patched["spec"])
            let wrong = try await api.post(things.path("v2"), things.thing("v1", "x", [:]))
            wrong.expect(
                400, "BadRequest",
                "the API version in the data (\(things.group)/v1) does not match the expected API version (\(things.group)/v2)"
            )
        }
    }

    @Test(
        "Every version knows the field managers; an applier moves to its last version",
        arguments: ServerKind.atHand)
    func ownership(_ kind: ServerKind) async throws {
        try await Things.with(kind, [.init("v1", stored: true), .init("v2")]) { api, things in
            try await things.served("v1", "v2")
            func apply(_ manager: String, _ version: String, _ spec: JSON) async throws -> Answer {
                try await api.apply(manager, things.path(version, "t"), things.thing(version, "t", spec))
            }
            try await apply("alpha", "v1", ["a": "1"]).require(201)
            try await apply("beta", "v2", ["a": "2"]).expect(
                409, "Conflict", "Apply failed with 1 conflict: conflict with \"alpha\": .spec.a")
            let moved = try await apply("alpha", "v2", ["a": "1", "b": "1"]).require(200)
            #expect(moved.metadata["managedFields"]?.array?.map { $0["apiVersion"] } == [things.apiVersion("v2")])
            try await api.patch(.merge, "\(things.path("v2", "t"))?fieldManager=edit", ["spec": ["b": "2"]]).require(
                200)
            try await apply("beta", "v1", ["b": "3"]).expect(
                409, "Conflict",
                "Apply failed with 1 conflict: conflict with \"edit\" using \(things.group)/v2: .spec.b")
        }
    }

    @Test(
        "A new storage version leaves objects as they are until any write migrates them",
        arguments: ServerKind.atHand)
    func migration(_ kind: ServerKind) async throws {
        let versions: [Things.Version] = [.init("v1", stored: true), .init("v2")]
        try await Things.with(kind, versions) { api, things in
            try await things.served("v1", "v2")
            let made = try await api.post(things.path("v1"), things.thing("v1", "t", ["a": "1"])).require(201)
            let switched = try await things.update([.init("v1"), .init("v2", fields: ["a", "b", "c"], stored: true)])
                .require(200)
            #expect(switched["status", "storedVersions"] == ["v1", "v2"])
            // The new definition is in force once its field is known.
            let probe = "\(things.path("v2"))?dryRun=All&fieldValidation=Strict"
            try await things.eventually {
                try await api.post(probe, things.thing("v2", "p", ["c": "1"])).status == 201
            }
            let read = try await api.get(things.path("v2", "t")).require(200)
            #expect(read.resourceVersion == made.resourceVersion)
            let written = try await api.patch(.merge, things.path("v2", "t"), [:]).require(200)
            #expect(written.resourceVersion != made.resourceVersion && written["spec"] == ["a": "1"])
            #expect(written.metadata["generation"] == 1)
            let again = try await api.patch(.merge, things.path("v2", "t"), [:]).require(200)
            #expect(again.resourceVersion == written.resourceVersion)
            let extended = try await api.patch(.merge, things.path("v2", "t"), ["spec": ["c": "1"]]).require(200)
            #expect(extended["spec"] == ["a": "1", "c": "1"])
            #expect(try await api.get(things.path("v1", "t")).require(200)["spec"] == ["a": "1"])
        }
    }

    @Test(
        "A stored version can't be removed while status.storedVersions names it",
        arguments: ServerKind.atHand)
    func removal(_ kind: ServerKind) async throws {
        try await Things.with(kind, [.init("v1", stored: true), .init("v2")]) { api, things in
            try await things.served("v1", "v2")
            try await things.update([.init("v1"), .init("v2", stored: true)]).require(200)
            let refused = try await things.update([.init("v2", stored: true)])
            refused.expect(
                422, "Invalid",
                "CustomResourceDefinition.apiextensions.k8s.io \"\(things.name)\" is invalid: status.storedVersions[0]: Invalid value: \"v1\": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions"
            )
            #expect(refused.causes.map { $0["field"] } == ["status.storedVersions[0]"])
            let said = try await api.patch(
                .merge, "\(things.definition)/status", ["status": ["storedVersions": ["v2"]]]
            ).require(200)
            #expect(said["status", "storedVersions"] == ["v2"])
            try await things.update([.init("v2", stored: true)]).require(200)
            try await things.eventually { try await api.get(things.path("v1")).status == 404 }
            try await things.served("v2")
        }
    }

    @Test(
        "A version no longer served is a plain 404; the others read objects stored in it",
        arguments: ServerKind.atHand)
    func unserved(_ kind: ServerKind) async throws {
        try await Things.with(kind, [.init("v1", stored: true), .init("v2")]) { api, things in
            try await things.served("v1", "v2")
            try await things.preferring("v2", of: ["v2", "v1"])
            try await api.post(things.path("v1"), things.thing("v1", "t", ["a": "1"])).require(201)
            try await things.update([.init("v1", isServed: false, stored: true), .init("v2")]).require(200)
            try await things.eventually { try await api.get(things.path("v1", "t")).status == 404 }
            #expect(try await api.get(things.path("v1", "t")).json == "404 page not found\n")
            try await things.preferring("v2", of: ["v2"])
            let read = try await api.get(things.path("v2", "t")).require(200)
            #expect(read["apiVersion"] == things.apiVersion("v2") && read["spec"] == ["a": "1"])
            let written = try await api.patch(.merge, things.path("v2", "t"), ["spec": ["a": "2"]]).require(200)
            #expect(written["spec"] == ["a": "2"])
        }
    }

    @Test("Exactly one version is stored, and each has a name of its own", arguments: ServerKind.atHand)
    func refusals(_ kind: ServerKind) async throws {
        try await Things.with(kind, [.init("v1", stored: true), .init("v2")]) { (_, things) async throws in
            func causes(_ versions: [Things.Version]) async throws -> [String] {
                let answer = try await things.update(versions)
                #expect(answer.status == 422 && answer.reason == "Invalid")
                return answer.causes.compactMap { $0["message"]?.string?.split(separator: ": ").last.map(String.init) }
            }
            let one = "must have exactly one version marked as storage version"
            #expect(
                try await causes([.init("v1", stored: true), .init("v2", stored: true)])
                    == [one, "must have the storage version v2"])
            #expect(try await causes([.init("v1"), .init("v2")]) == [one])
            #expect(
                try await causes([.init("v1", stored: true), .init("v1")]) == ["must contain unique version names"])
        }
    }

    @Test("A deprecated version is served with a warning that names a better one", arguments: ServerKind.atHand)
    func deprecated(_ kind: ServerKind) async throws {
        try await Things.with(kind, [.init("v1beta1", isDeprecated: true), .init("v1", stored: true)]) { api, things in
            try await things.served("v1beta1", "v1")
            let old = try await api.get(things.path("v1beta1")).require(200)
            let text = "\(things.group)/v1beta1 Thing is deprecated; use \(things.group)/v1 Thing"
            #expect(old.warnings == ["299 - \"\(text)\""])
            #expect(try await api.get(things.path("v1")).require(200).warnings == [])
        }
    }
}
