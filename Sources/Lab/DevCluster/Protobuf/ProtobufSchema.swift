/// The fields of the types that kubectl's typed clients send (`create configmap`, `create token`, `auth can-i`, …), by their
/// numbers in k8s.io/api's `generated.proto` of 1.36. Everything else is sent as JSON, or answered with 415.
indirect enum ProtobufType {
    case string
    /// Base64 in JSON.
    case bytes
    case bool
    /// A bool whose Go field is not a pointer: false means absent.
    case flag
    /// Zero means absent if the Go field is not a pointer.
    case integer(keepsZero: Bool)
    /// `metav1.Time`.
    case time
    case microTime
    /// `resource.Quantity`: a message of one text.
    case quantity
    case intOrString
    /// `metav1.FieldsV1`: JSON in bytes.
    case rawJSON
    case list(ProtobufType)
    case map(ProtobufType)
    case message([UInt64: (name: String, type: ProtobufType)])
}

extension ProtobufType {
    /// The type of a body, by its envelope.
    static func named(apiVersion: String, kind: String) -> ProtobufType? {
        switch (apiVersion, kind) {
        case ("v1", "ConfigMap"):
            object([2: ("data", .map(.string)), 3: ("binaryData", .map(.bytes)), 4: ("immutable", .bool)])
        case ("v1", "Secret"):
            object([
                2: ("data", .map(.bytes)), 3: ("type", .string), 4: ("stringData", .map(.string)),
                5: ("immutable", .bool),
            ])
        case ("v1", "Namespace"):
            object([
                2: ("spec", .message([1: ("finalizers", .list(.string))])),
                3: ("status", .message([1: ("phase", .string)])),
            ])
        case ("v1", "ServiceAccount"):
            object([
                2: ("secrets", .list(objectReference)),
                3: ("imagePullSecrets", .list(.message([1: ("name", .string)]))),
                4: ("automountServiceAccountToken", .bool),
            ])
        case ("v1", "ResourceQuota"): object([2: ("spec", resourceQuotaSpec)])
        case ("v1", "Service"): object([2: ("spec", serviceSpec)])
        case ("apps/v1", "Deployment"): object([2: ("spec", deploymentSpec)])
        case ("batch/v1", "Job"): object([2: ("spec", jobSpec)])
        case ("policy/v1", "PodDisruptionBudget"): object([2: ("spec", disruptionBudgetSpec)])
        case ("scheduling.k8s.io/v1", "PriorityClass"):
            object([
                2: ("value", .integer(keepsZero: true)), 3: ("globalDefault", .flag), 4: ("description", .string),
                5: ("preemptionPolicy", .string),
            ])
        case ("coordination.k8s.io/v1", "Lease"): object([2: ("spec", leaseSpec)])
        case ("rbac.authorization.k8s.io/v1", "Role"): object([2: ("rules", .list(policyRule))])
        case ("rbac.authorization.k8s.io/v1", "ClusterRole"): object([2: ("rules", .list(policyRule))])
        case ("rbac.authorization.k8s.io/v1", "RoleBinding"), ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"):
            object([2: ("subjects", .list(subject)), 3: ("roleRef", roleRef)])
        case ("authentication.k8s.io/v1", "TokenRequest"): object([2: ("spec", tokenRequestSpec)])
        case ("authentication.k8s.io/v1", "TokenReview"):
            object([2: ("spec", .message([1: ("token", .string), 2: ("audiences", .list(.string))]))])
        case ("authentication.k8s.io/v1", "SelfSubjectReview"): object([:])
        case ("authorization.k8s.io/v1", "SelfSubjectRulesReview"):
            object([2: ("spec", .message([1: ("namespace", .string)]))])
        case ("authorization.k8s.io/v1", "SelfSubjectAccessReview"),
            ("authorization.k8s.io/v1", "SubjectAccessReview"), ("authorization.k8s.io/v1", "LocalSubjectAccessReview"):
            object([2: ("spec", accessReviewSpec)])
        case ("v1", "DeleteOptions"), ("meta.k8s.io/v1", "DeleteOptions"): deleteOptions
        default: nil
        }
    }

    private static func object(_ fields: [UInt64: (name: String, type: ProtobufType)]) -> ProtobufType {
        .message(fields.merging([1: ("metadata", metadata)]) { own, _ in own })
    }

    static var metadata: ProtobufType {
        .message([
            1: ("name", .string), 2: ("generateName", .string), 3: ("namespace", .string), 5: ("uid", .string),
            6: ("resourceVersion", .string), 7: ("generation", .integer(keepsZero: false)),
            8: ("creationTimestamp", .time),
            9: ("deletionTimestamp", .time), 10: ("deletionGracePeriodSeconds", .integer(keepsZero: true)),
            11: ("labels", .map(.string)), 12: ("annotations", .map(.string)), 13: ("ownerReferences", .list(owner)),
            14: ("finalizers", .list(.string)), 17: ("managedFields", .list(managedFields)),
        ])
    }
    private static var owner: ProtobufType {
        .message([
            1: ("kind", .string), 3: ("name", .string), 4: ("uid", .string), 5: ("apiVersion", .string),
            6: ("controller", .bool), 7: ("blockOwnerDeletion", .bool),
        ])
    }
    private static var managedFields: ProtobufType {
        .message([
            1: ("manager", .string), 2: ("operation", .string), 3: ("apiVersion", .string), 4: ("time", .time),
            6: ("fieldsType", .string), 7: ("fieldsV1", .rawJSON), 8: ("subresource", .string),
        ])
    }
    private static var objectReference: ProtobufType {
        .message([
            1: ("kind", .string), 2: ("namespace", .string), 3: ("name", .string), 4: ("uid", .string),
            5: ("apiVersion", .string), 6: ("resourceVersion", .string), 7: ("fieldPath", .string),
        ])
    }
    private static var leaseSpec: ProtobufType {
        .message([
            1: ("holderIdentity", .string), 2: ("leaseDurationSeconds", .integer(keepsZero: true)),
            3: ("acquireTime", .microTime), 4: ("renewTime", .microTime),
            5: ("leaseTransitions", .integer(keepsZero: true)), 6: ("strategy", .string),
            7: ("preferredHolder", .string),
        ])
    }
    private static var policyRule: ProtobufType {
        .message([
            1: ("verbs", .list(.string)), 2: ("apiGroups", .list(.string)), 3: ("resources", .list(.string)),
            4: ("resourceNames", .list(.string)), 5: ("nonResourceURLs", .list(.string)),
        ])
    }
    private static var subject: ProtobufType {
        .message([1: ("kind", .string), 2: ("apiGroup", .string), 3: ("name", .string), 4: ("namespace", .string)])
    }
    private static var roleRef: ProtobufType {
        .message([1: ("apiGroup", .string), 2: ("kind", .string), 3: ("name", .string)])
    }
    private static var tokenRequestSpec: ProtobufType {
        .message([
            1: ("audiences", .list(.string)),
            3: (
                "boundObjectRef",
                .message([1: ("kind", .string), 2: ("apiVersion", .string), 3: ("name", .string), 4: ("uid", .string)])
            ), 4: ("expirationSeconds", .integer(keepsZero: true)),
        ])
    }
    private static var accessReviewSpec: ProtobufType {
        .message([
            1: (
                "resourceAttributes",
                .message([
                    1: ("namespace", .string), 2: ("verb", .string), 3: ("group", .string), 4: ("version", .string),
                    5: ("resource", .string), 6: ("subresource", .string), 7: ("name", .string),
                ])
            ), 2: ("nonResourceAttributes", .message([1: ("path", .string), 2: ("verb", .string)])),
            3: ("user", .string), 4: ("groups", .list(.string)), 6: ("uid", .string),
        ])
    }
    private static var deleteOptions: ProtobufType {
        .message([
            1: ("gracePeriodSeconds", .integer(keepsZero: true)),
            2: ("preconditions", .message([1: ("uid", .string), 2: ("resourceVersion", .string)])),
            3: ("orphanDependents", .bool), 4: ("propagationPolicy", .string), 5: ("dryRun", .list(.string)),
        ])
    }
}
