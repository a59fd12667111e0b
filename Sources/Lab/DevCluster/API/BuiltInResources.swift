import JSON

/// The built-in resources that are served. A resource without a strategy is stored as it is.
enum BuiltInResources {
    static func all(compiler: any SchemaCompiling) -> [ResourceDefinition] {
        core + apps + policies + extensions(compiler)
    }

    private static func make(
        _ group: String, _ kind: String, _ plural: String, _ shortNames: [String] = [], namespaced: Bool = true,
        _ change: (inout ResourceDefinition) -> Void = { _ in }
    ) -> ResourceDefinition {
        var definition = ResourceDefinition(group, "v1", kind, plural, namespaced: namespaced)
        definition.shortNames = shortNames
        change(&definition)
        return definition
    }

    private static let core: [ResourceDefinition] = [
        make("", "ConfigMap", "configmaps", ["cm"]) {
            $0.strategy = ConfigMapStrategy()
            $0.columns = ConfigMapColumns()
        },
        make("", "Endpoints", "endpoints", ["ep"]) { $0.singular = "endpoints" },
        make("", "Event", "events", ["ev"]) {
            $0.strategy = EventStrategy(isNew: false)
            $0.columns = EventColumns()
            $0.createsOnUpdate = true
            $0.selectableFields.formUnion(
                [
                    "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
                    "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
                    "reportingComponent", "source", "type",
                ])
            $0.namesUnsupportedFieldsShortly = true
        },
        make("", "LimitRange", "limitranges", ["limits"]) {
            $0.strategy = LimitRangeStrategy()
            $0.columns = LimitRangeColumns()
        },
        make("", "Namespace", "namespaces", ["ns"], namespaced: false) {
            $0.strategy = NamespaceStrategy()
            $0.columns = NamespaceColumns()
            $0.subresources = ["finalize", "status"]
            $0.verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
            $0.selectableFields = ["metadata.name", "name", "status.phase"]
            $0.namesUnsupportedFieldsShortly = true
        },
        make("", "Node", "nodes", ["no"], namespaced: false) { $0.subresources = ["status"] },
        make("", "PersistentVolumeClaim", "persistentvolumeclaims", ["pvc"]) { $0.subresources = ["status"] },
        make("", "Pod", "pods", ["po"]) {
            $0.categories = ["all"]
            $0.subresources = ["status"]
            $0.columns = PodColumns()
            $0.hasGeneration = true
            $0.selectableFields.formUnion(["spec.nodeName", "spec.serviceAccountName", "status.phase", "status.podIP"])
            $0.namesUnsupportedFieldsShortly = true
        },
        make("", "ResourceQuota", "resourcequotas", ["quota"]) {
            $0.strategy = ResourceQuotaStrategy()
            $0.subresources = ["status"]
            $0.columns = ResourceQuotaColumns()
        },
        make("", "Secret", "secrets") {
            $0.strategy = SecretStrategy()
            $0.columns = SecretColumns()
            $0.selectableFields.insert("type")
            $0.namesUnsupportedFieldsShortly = true
        },
        make("", "Service", "services", ["svc"]) {
            $0.categories = ["all"]
            $0.subresources = ["status"]
            $0.columns = ServiceColumns()
        },
        make("", "ServiceAccount", "serviceaccounts", ["sa"]) { $0.subresources = ["token"] },
    ]

    private static let apps: [ResourceDefinition] = [
        make("apps", "ControllerRevision", "controllerrevisions"),
        make("apps", "DaemonSet", "daemonsets", ["ds"]) { workload(&$0) },
        make("apps", "Deployment", "deployments", ["deploy"]) {
            workload(&$0)
            $0.strategy = DeploymentStrategy()
            $0.generationCountsAnnotations = true
            $0.columns = DeploymentColumns()
        },
        make("apps", "ReplicaSet", "replicasets", ["rs"]) { workload(&$0) },
        make("apps", "StatefulSet", "statefulsets", ["sts"]) { workload(&$0) },
        make("events.k8s.io", "Event", "events", ["ev"]) {
            $0.type = .named("EventV1")
            $0.strategy = EventStrategy(isNew: true)
            $0.columns = EventColumns()
            $0.storage = GroupResource("events")
            $0.storedAPIVersion = "v1"
            $0.conversion = .events
            $0.createsOnUpdate = true
            $0.selectableFields.formUnion(
                [
                    "regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid", "regarding.apiVersion",
                    "regarding.resourceVersion", "regarding.fieldPath", "reason", "reportingController", "type",
                ])
            $0.namesUnsupportedFieldsShortly = true
        },
        make("batch", "Job", "jobs") {
            workload(&$0)
        },
    ]

    private static func workload(_ definition: inout ResourceDefinition) {
        definition.categories = ["all"]
        definition.subresources = ["status"]
        definition.hasGeneration = true
        definition.strategy = StatusStrategy()
    }

    private static let policies: [ResourceDefinition] = [
        make("networking.k8s.io", "NetworkPolicy", "networkpolicies", ["netpol"]) {
            $0.hasGeneration = true
            $0.columns = NetworkPolicyColumns()
        },
        make("policy", "PodDisruptionBudget", "poddisruptionbudgets", ["pdb"]) {
            workload(&$0)
            $0.categories = []
        },
        make("rbac.authorization.k8s.io", "ClusterRoleBinding", "clusterrolebindings", namespaced: false) {
            $0.strategy = RBACStrategy()
            $0.columns = BindingColumns()
            $0.createsOnUpdate = true
        },
        make("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", namespaced: false) {
            $0.strategy = RBACStrategy()
            $0.columns = CreatedAtColumns()
            $0.createsOnUpdate = true
        },
        make("rbac.authorization.k8s.io", "RoleBinding", "rolebindings") {
            $0.strategy = RBACStrategy()
            $0.columns = BindingColumns()
            $0.createsOnUpdate = true
        },
        make("rbac.authorization.k8s.io", "Role", "roles") {
            $0.strategy = RBACStrategy()
            $0.columns = CreatedAtColumns()
            $0.createsOnUpdate = true
        },
        make("storage.k8s.io", "StorageClass", "storageclasses", ["sc"], namespaced: false),
        make("scheduling.k8s.io", "PriorityClass", "priorityclasses", ["pc"], namespaced: false),
        make("coordination.k8s.io", "Lease", "leases") {
            $0.strategy = LeaseStrategy()
            $0.columns = LeaseColumns()
            $0.createsOnUpdate = true
            $0.allowsUnconditionalUpdate = false
        },
    ]

    private static func extensions(_ compiler: any SchemaCompiling) -> [ResourceDefinition] {
        [
            make(
                "apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", ["crd", "crds"],
                namespaced: false
            ) {
                $0.categories = ["api-extensions"]
                $0.subresources = ["status"]
                $0.strategy = CustomResourceDefinitionStrategy(compiler: compiler)
                $0.columns = CreatedAtColumns()
                $0.hasGeneration = true
                $0.allowsUnconditionalUpdate = false
            },
            make("apiregistration.k8s.io", "APIService", "apiservices", namespaced: false) {
                $0.categories = ["api-extensions"]
                $0.subresources = ["status"]
            },
        ]
    }

    /// Reviews are answered and not stored. Discovery lists them, and `VirtualResources` answers.
    static let reviews: [(group: String, kind: String, plural: String, namespaced: Bool)] = [
        ("authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews", false),
        ("authentication.k8s.io", "TokenReview", "tokenreviews", false),
        ("authorization.k8s.io", "LocalSubjectAccessReview", "localsubjectaccessreviews", true),
        ("authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews", false),
        ("authorization.k8s.io", "SelfSubjectRulesReview", "selfsubjectrulesreviews", false),
        ("authorization.k8s.io", "SubjectAccessReview", "subjectaccessreviews", false),
    ]
}
