import JSON
import KubeObjects
import Support
import Testing
import YAML

@testable import Fleet

/// One of our kinds: its CRD, the Swift type with every field set, and what the contract says of it.
struct Kind: Sendable, CustomTestStringConvertible {
    var type: ResourceType
    var file: String
    var shortNames: [String]
    var columns: [String]
    /// Every field set, also those that exclude each other.
    var populated: @Sendable () throws -> JSON
    /// What an object at least has, with an empty object wherever one may be.
    var least: JSON
    /// Reads and writes: what Swift makes of a stored spec.
    var readSpec: @Sendable (JSON) throws -> JSON
    var testDescription: String { type.kind }

    func schema() throws -> JSON {
        let crd = try YAML.parse(Repository.text("manifests/crds/\(file)"))
        return try #require(crd[path: ["spec"]]?["versions"]?[0]?[path: ["schema", "openAPIV3Schema"]])
    }

    static func of<Spec: CustomResourceSpec>(
        _: Spec.Type, _ shortNames: [String], _ columns: [String], least: JSON,
        _ populated: @escaping @Sendable () throws -> CustomResource<Spec>
    ) -> Kind {
        Kind(
            type: Spec.resourceType, file: Spec.resourceType.plural + ".yaml", shortNames: shortNames, columns: columns,
            populated: {
                let object = try populated()
                return ["spec": try JSON(encoding: object.spec), "status": try JSON(encoding: object.status)]
            },
            least: least,
            readSpec: { spec in
                var object: JSON = ["metadata": ["name": "x"]]
                object["spec"] = spec
                return try JSON(encoding: CustomResource<Spec>(json: object).spec)
            })
    }

    static let all: [Kind] = [
        .of(
            DataPlaneSpec.self, ["dp", "fdp"],
            [
                "CLUSTER", "READY", "REASON", "VERSION", "SYNCED", "TOKEN-EXPIRES", "AGE", "*ENDPOINT", "*ENABLED",
                "*MODE",
                "*MESSAGE",
            ],
            least: ["endpoint": "https://dp1", "credentials": [:], "connection": [:], "workloadIdentity": [:]]
        ) {
            DataPlane(metadata: metadata("x"), spec: Populated.dataPlane, status: Populated.dataPlaneStatus)
        },
        .of(
            ExecutionLabelSpec.self, ["el", "fel"], ["LABEL", "CLUSTERS", "READY", "REASON", "AGE", "*MESSAGE"],
            least: ["clusters": [["name": "a", "weight": 1]]]
        ) {
            var status = ExecutionLabelStatus()
            status.observedGeneration = 1
            status.conditions = Populated.conditions
            status.label = "l"
            status.clusters = [.init(name: "a", weight: 1, state: .ready)]
            status.summary = .init(clusters: "a=1")
            return ExecutionLabel(
                metadata: metadata("x"), spec: .init(label: "l", clusters: [.init(name: "a", weight: 0.5)]),
                status: status)
        },
        .of(
            ExecutionClusterLabelSpec.self, ["ecl"],
            ["PROJECT", "DOMAIN", "WORKFLOW", "LABEL", "NAMESPACE", "SYNCED", "READY", "REASON", "AGE", "*MESSAGE"],
            least: ["project": "p", "value": "v"]
        ) {
            var status = ExecutionClusterLabelStatus()
            status.observedGeneration = 1
            status.conditions = Populated.conditions
            status.namespace = "p-d"
            status.dataPlanes = .init(desired: 1, synced: 1)
            status.summary = .init(synced: "1/1")
            return ExecutionClusterLabel(
                metadata: metadata("x"), spec: .init(project: "p", domain: "d", workflow: "w", value: "v"),
                status: status)
        },
        .of(
            FlyteProjectSpec.self, ["fp"], ["PROJECT", "DOMAINS", "SYNCED", "READY", "REASON", "AGE", "*MESSAGE"],
            least: ["project": "p"]
        ) {
            var spec = FlyteProjectSpec(project: "p", domains: ["d"])
            spec.values = ["a": "b"]
            spec.domainValues = ["d": ["a": "b"]]
            spec.valuesFrom = Populated.valuesFrom
            spec.register.labels = ["a": "b"]
            spec.attributes = ["*": Populated.attributes]
            var status = FlyteProjectStatus()
            status.observedGeneration = 1
            status.conditions = Populated.conditions
            status.namespaces = [.init(domain: "d", namespace: "p-d", dataPlanes: .init(desired: 1, synced: 1))]
            status.dataPlanes = .init(desired: 1, synced: 1)
            status.summary = .init(domains: "d", synced: "1/1")
            return FlyteProject(metadata: metadata("x"), spec: spec, status: status)
        },
        .of(
            ClusterRegistrySpec.self, ["creg"],
            ["DATAPLANES", "LABELS", "ASSIGNMENTS", "NAMESPACES", "READY", "REASON", "AGE", "*MESSAGE"],
            least: [
                "workloadIdentity": [:],
                "flyteAdmin": [
                    "endpoint": "https://a",
                    "auth": [
                        "oauth2": [
                            "tokenURL": "https://a", "clientID": "c", "clientSecretRef": ["name": "n", "key": "k"],
                        ]
                    ],
                ],
                "publish": ["healthAware": [:], "restart": [["name": "flyteadmin"]]],
            ]
        ) {
            ClusterRegistry(metadata: metadata("flyte"), spec: Populated.registry, status: Populated.registryStatus)
        },
    ]
}

enum Populated {
    static let conditions = [
        Condition(
            type: "Ready", status: .isTrue, reason: "Ready", message: "m", observedGeneration: 1,
            lastTransitionTime: Timestamp(now))
    ]
    static let reference = KeyReference(name: "n", key: "k")
    static let valuesFrom = [ValueSource(name: "v", secretKeyRef: reference, configMapKeyRef: reference)]
    static let identity = WorkloadIdentity(
        aws: .init(roleARN: "r"), gcp: .init(serviceAccount: "s"), azure: .init(clientID: "c"))

    static var dataPlane: DataPlaneSpec {
        var spec = DataPlaneSpec(endpoint: "https://a")
        spec.clusterName = "c"
        spec.mode = .observe
        spec.credentials.tokenKey = "t"
        spec.credentials.caCertKey = "c"
        spec.credentials.tokenRequest = TokenRequestSettings()
        spec.credentials.federated = FederatedSettings()
        spec.credentials.aws = AWSSettings()
        spec.credentials.gcp = GCPSettings()
        spec.credentials.azure = AzureSettings()
        spec.flyteAdmin = FlyteAdminAccess()
        spec.flyteAdmin?.tokenKey = "t"
        spec.flyteAdmin?.caCertKey = "c"
        spec.flyteAdmin?.endpoint = "https://a"
        spec.flyteAdmin?.kubeClientConfig = .init()
        spec.connection.proxyCredentialsRef = KeyReference(name: "n", key: "k")
        spec.workloadIdentity = identity
        spec.values = ["a": "b"]
        spec.valuesFrom = valuesFrom
        return spec
    }
    static var dataPlaneStatus: DataPlaneStatus {
        var status = DataPlaneStatus()
        status.observedGeneration = 1
        status.conditions = conditions
        status.clusterName = "c"
        status.kubernetesVersion = "v1.36.0"
        status.clusterUID = "u"
        status.endpoint = "https://dp1:443"
        status.identity = "i"
        status.tokenExpirationTime = Timestamp(now)
        status.caExpirationTime = Timestamp(now)
        status.tokenRenewalTime = Timestamp(now)
        status.credential = .init(inUseSince: Timestamp(now), fingerprint: "sha256:0011223344556677")
        status.expiryWarnings = [.init(credential: .token, expirationTime: Timestamp(now), days: 7)]
        status.namespaces = .init(desired: 1, synced: 1, failed: 0)
        status.executions = ExecutionCount(running: 1, asOf: Timestamp(now))
        status.failures = [
            FailureEntry(
                namespace: "n", object: "o", reason: .timeout, message: "m", since: Timestamp(now), attempts: 1)
        ]
        status.failuresTotal = 1
        status.mode = .observe
        status.plan = PlannedChanges([
            PlannedChange(namespace: "n", object: "o", action: .change, fields: [".a"])
        ])
        status.appliedRevision = 1
        status.summary = .init(synced: "1/1")
        return status
    }
    static var registry: ClusterRegistrySpec {
        var spec = ClusterRegistrySpec()
        spec.workloadIdentity = identity
        spec.values = ["a": "b"]
        spec.domainValues = ["d": ["a": "b"]]
        spec.valuesFrom = valuesFrom
        spec.import = FlyteImport(templateData: ["a": "b"], customData: ["d": ["a": "b"]])
        spec.importFrom = reference
        spec.identity = IdentitySpec(id: "x", takesOverFrom: ["y"])
        spec.reservedNamespaces = ["cert-*"]
        var admin = FlyteAdmin(endpoint: "https://a")
        admin.caCertRef = reference
        admin.auth = .init(
            tokenRef: reference,
            oauth2: .init(tokenURL: "https://a", clientID: "c", clientSecretRef: reference, scopes: ["s"]))
        spec.flyteAdmin = admin
        var publish = Publish()
        publish.clustersConfigMap = reference
        publish.restart = [.init(name: "flyteadmin")]
        spec.publish = publish
        spec.rollout.groups = [["a"]]
        spec.clusterProfiles = [.init(namespace: "a")]
        spec.replicateSecrets = [
            .init(name: "a", selector: .init(matchLabels: ["a": "b"], matchExpressions: [.init("a", .isIn, ["b"])]))
        ]
        return spec
    }
    static var attributes: ProjectAttributes {
        var amounts = ProjectAttributes.ResourceAmounts()
        (amounts.cpu, amounts.gpu, amounts.memory) = ("1", 1, "1Gi")
        (amounts.storage, amounts.ephemeralStorage) = ("1Gi", "1Gi")
        var config = ProjectAttributes.ExecutionConfig()
        (config.maxParallelism, config.serviceAccount, config.iamRole) = (1, "s", "r")
        (config.rawOutputPrefix, config.labels, config.annotations) = ("s3://a", ["a": "b"], ["a": "b"])
        return ProjectAttributes(
            taskResources: .init(defaults: amounts, limits: amounts), executionConfig: config)
    }
    static var rollout: RolloutStatus {
        var status = RolloutStatus(StagedRollout(first: 1))
        (status.reason, status.message, status.pinned) = ("Requested", "m", 1)
        status.current = ["a"]
        return status
    }
    static var registryStatus: ClusterRegistryStatus {
        var status = ClusterRegistryStatus()
        status.observedGeneration = 1
        status.conditions = conditions
        status.dataPlanes = .init(total: 1, ready: 1)
        status.executionLabels = .init(total: 1, ready: 1)
        status.executionClusterLabels = .init(total: 1, ready: 1)
        status.namespaces = .init(desired: 1, synced: 1, failed: 0)
        status.replicatedSecrets = .init(desired: 1, synced: 1)
        status.archivedProjects = .init(["old"])
        status.rollout = rollout
        status.summary = .init(dataPlanes: "1/1", labels: "1/1", assignments: "1/1", namespaces: "1/1")
        return status
    }
}

@Suite("The CRDs and the Swift types are the same")
struct CRDTests {
    @Test("Every property has its Swift field, and every field its property, of one type", arguments: Kind.all)
    func properties(_ kind: Kind) throws {
        let populated = try kind.populated()
        for part in ["spec", "status"] {
            let schema = try #require(try kind.schema()[path: ["properties", part]])
            #expect(Self.differences(schema, populated[part] ?? .null, part) == [])
        }
    }

    /// What one has and the other hasn't, by path.
    static func differences(_ schema: JSON, _ value: JSON, _ path: String) -> [String] {
        if schema["x-kubernetes-int-or-string"]?.bool == true {
            return value.string != nil || value.int != nil ? [] : ["\(path): no int or string"]
        }
        if schema["x-kubernetes-preserve-unknown-fields"]?.bool == true { return [] }
        switch (schema["type"]?.string, value) {
        case ("object", .object(let members)):
            if let each = schema["additionalProperties"] {
                return members.flatMap { differences(each, $0.value, path + ".*") }
            }
            let properties = schema["properties"]?.object ?? [:]
            return Set(properties.keys).union(members.keys).sorted().flatMap { key in
                guard let property = properties[key] else { return ["\(path).\(key): not in the CRD"] }
                guard let member = members[key] else { return ["\(path).\(key): not in Swift"] }
                let missing =
                    property["description"]?.string?.isEmpty == false ? [] : ["\(path).\(key): no description"]
                return missing + differences(property, member, "\(path).\(key)")
            }
        case ("array", .array(let elements)):
            guard !elements.isEmpty, let items = schema["items"] else { return ["\(path): not populated"] }
            return elements.flatMap { differences(items, $0, path + "[]") }
        case ("string", .string), ("boolean", .bool), ("integer", .int), ("number", .double), ("number", .int):
            return []
        default: return ["\(path): \(schema["type"]?.string ?? "no type") in the CRD, \(value) in Swift"]
        }
    }

    @Test("Swift's defaults are the CRD's", arguments: Kind.all)
    func defaults(_ kind: Kind) throws {
        let schema = try #require(try kind.schema()[path: ["properties", "spec"]])
        let filled = Self.filled(kind.least, schema)
        #expect(try kind.readSpec(filled) == kind.readSpec(kind.least))
        // And the other way: what Swift writes for the least object, the CRD's defaults have too.
        let swift = try kind.readSpec(kind.least)
        #expect(Self.missing(in: filled, from: swift, "spec") == [])
    }

    /// Fills in defaults as an API server does.
    static func filled(_ value: JSON, _ schema: JSON) -> JSON {
        switch value {
        case .object(var members):
            for (key, property) in schema["properties"]?.object ?? [:] {
                if members[key] == nil { members[key] = property["default"] }
                if let member = members[key] { members[key] = filled(member, property) }
            }
            return .object(members)
        case .array(let elements): return .array(elements.map { filled($0, schema["items"] ?? .null) })
        default: return value
        }
    }
    static func missing(in stored: JSON, from swift: JSON, _ path: String) -> [String] {
        switch (stored, swift) {
        case (.object(let left), .object(let right)):
            right.sorted { $0.key < $1.key }.flatMap { key, value in
                left[key].map { missing(in: $0, from: value, "\(path).\(key)") } ?? ["\(path).\(key)"]
            }
        case (.array(let left), .array(let right)):
            left.count == right.count
                ? zip(left, right).flatMap { missing(in: $0, from: $1, path + "[]") } : [path]
        default: stored.double == swift.double && (stored.double != nil || stored == swift) ? [] : [path]
        }
    }

    @Test("Every text of `kubectl explain` is a sentence", arguments: Kind.all)
    func explained(_ kind: Kind) throws {
        func fragments(_ schema: JSON, _ path: String) -> [String] {
            var found: [String] = []
            if let text = schema["description"]?.string {
                let words = text.split(separator: " ").count
                let isSentence = words >= 3 && text.hasSuffix(".")
                if !isSentence { found.append("\(path): \(text)") }
            }
            for (key, property) in schema["properties"]?.object ?? [:] {
                found += fragments(property, "\(path).\(key)")
            }
            for key in ["items", "additionalProperties"] {
                found += schema[key].map { fragments($0, path + "[]") } ?? []
            }
            return found
        }
        #expect(fragments(try kind.schema(), "").sorted() == [])
    }

    @Test("Enum values are Swift's cases")
    func enums() throws {
        func values(_ file: String, _ path: [String]) throws -> [String] {
            let schema = try #require(Kind.all.first { $0.file == file }).schema()
            return (schema[path: path]?["enum"]?.array ?? []).compactMap(\.string)
        }
        let spec = ["properties", "spec", "properties"]
        for file in ["dataplanes.yaml", "clusterregistries.yaml"] {
            #expect(try values(file, spec + ["mode"]) == Mode.allCases.map(\.rawValue))
        }
        let examples = ["properties", "status", "properties", "plan", "properties", "examples", "items", "properties"]
        #expect(
            try values("dataplanes.yaml", examples + ["action"]) == PlannedChange.Action.allCases.map(\.rawValue))
        #expect(
            try values("clusterregistries.yaml", spec + ["adoptionPolicy"])
                == AdoptionPolicy.allCases.map(\.rawValue))
        #expect(
            try values("clusterregistries.yaml", spec + ["rollout", "properties", "type"])
                == RolloutPolicy.Kind.allCases.map(\.rawValue))
        #expect(
            try values("clusterregistries.yaml", spec + ["syncScope"])
                == ClusterRegistrySpec.SyncScope.allCases.map(\.rawValue))
        #expect(
            try values("clusterregistries.yaml", spec + ["conflictPolicy"])
                == ClusterRegistrySpec.ConflictPolicy.allCases.map(\.rawValue))
        #expect(
            try values(
                "clusterregistries.yaml", spec + ["publish", "properties", "restart", "items", "properties", "kind"])
                == Publish.Workload.Kind.allCases.map(\.rawValue))
        #expect(
            try values(
                "clusterregistries.yaml",
                spec + ["publish", "properties", "healthAware", "properties", "condition"])
                == Publish.HealthAware.Deciding.allCases.map(\.rawValue))
        let oauth2 = ["flyteAdmin", "properties", "auth", "properties", "oauth2", "properties"]
        #expect(
            try values("clusterregistries.yaml", spec + oauth2 + ["clientAuth"])
                == FlyteAdmin.OAuth2.ClientAuth.allCases.map(\.rawValue))
        #expect(
            try values(
                "clusterregistries.yaml", spec + ["flyteAdmin", "properties", "clusterResourceAttributes"])
                == FlyteAdmin.ClusterResourceUse.allCases.map(\.rawValue))
        #expect(
            try values(
                "executionlabels.yaml",
                ["properties", "status", "properties", "clusters", "items", "properties", "state"])
                == ["Ready", "NotReady", "Disabled", "Unschedulable", "Unknown"])
    }

    @Test("Names and columns are the contract's; every column shows a field that exists", arguments: Kind.all)
    func names(_ kind: Kind) throws {
        let crd = try YAML.parse(Repository.text("manifests/crds/\(kind.file)"))
        let spec = try #require(crd["spec"])
        let version = try #require(spec["versions"]?[0])
        #expect(crd[path: ["metadata", "name"]]?.string == kind.type.description)
        #expect(spec["group"]?.string == kind.type.group && version["name"]?.string == kind.type.version)
        #expect(spec[path: ["names", "kind"]]?.string == kind.type.kind && spec["scope"]?.string == "Namespaced")
        #expect(spec[path: ["names", "shortNames"]] == .array(kind.shortNames.map { .string($0) }))
        #expect(spec[path: ["names", "categories"]] == ["flyte"])
        #expect(version[path: ["subresources", "status"]] != nil)
        let columns = version["additionalPrinterColumns"]?.array ?? []
        #expect(columns.map { ($0["priority"] == 1 ? "*" : "") + ($0["name"]?.string ?? "") } == kind.columns)
        let object = try kind.populated()
        for path in columns.compactMap({ $0["jsonPath"]?.string }) where !path.hasPrefix(".metadata.") {
            if path.hasPrefix(".status.conditions[?(@.type==\"Ready\")].") {
                #expect(["status", "reason", "message"].contains(path.split(separator: ".").last.map(String.init)))
            } else {
                #expect(object[path: path.split(separator: ".").map(String.init)]?.isNull == false, "\(path)")
            }
        }
    }

    @Test(
        "A list with a default is atomic, so that server-side apply can shorten it",
        arguments: Kind.all)
    func listsWithDefaults(_ kind: Kind) throws {
        func merged(_ schema: JSON, _ path: String) -> [String] {
            var found: [String] = []
            let hasDefault = schema["default"]?.array?.isEmpty == false
            if hasDefault, schema["x-kubernetes-list-type"] != "atomic" { found.append(path) }
            for (key, property) in schema["properties"]?.object ?? [:] { found += merged(property, "\(path).\(key)") }
            for key in ["items", "additionalProperties"] {
                found += schema[key].map { merged($0, path + "[]") } ?? []
            }
            return found
        }
        #expect(merged(try #require(try kind.schema()[path: ["properties", "spec"]]), "spec") == [])
    }

    @Test(
        "Every string, list and map of a spec is bounded, so admission takes the rules",
        arguments: Kind.all)
    func bounded(_ kind: Kind) throws {
        func unbounded(_ schema: JSON, _ path: String) -> [String] {
            var found: [String] = []
            switch schema["type"]?.string {
            case "string": if schema["maxLength"] == nil && schema["enum"] == nil { found.append(path) }
            case "array": if schema["maxItems"] == nil { found.append(path) }
            case "object":
                if schema["additionalProperties"] != nil && schema["maxProperties"] == nil { found.append(path) }
            default: break
            }
            for (key, property) in schema["properties"]?.object ?? [:] {
                found += unbounded(property, "\(path).\(key)")
            }
            for key in ["items", "additionalProperties"] {
                found += schema[key].map { unbounded($0, path + "[]") } ?? []
            }
            return found
        }
        #expect(unbounded(try #require(try kind.schema()[path: ["properties", "spec"]]), "spec") == [])
    }
}
