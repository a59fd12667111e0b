import JSON
import KubeObjects

/// What others install in a cluster, as far as the operator looks at it.
public enum InstalledObjects {
    public static let definitions = ResourceType(
        group: "apiextensions.k8s.io", version: "v1", kind: "CustomResourceDefinition",
        plural: "customresourcedefinitions", isNamespaced: false)

    /// flytepropeller's Deployment, without a status.
    public static let propeller: JSON = [
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": ["name": "flytepropeller", "namespace": "flyte"],
        "spec": [
            "replicas": 1, "selector": ["matchLabels": ["app": "flytepropeller"]],
            "template": [
                "metadata": ["labels": ["app": "flytepropeller"]],
                "spec": ["containers": [["name": "main", "image": "flytepropeller"]]],
            ],
        ],
    ]
    /// The CRD of FlyteWorkflows.
    public static let flyteWorkflows: JSON = [
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": ["name": "flyteworkflows.flyte.lyft.com"],
        "spec": [
            "group": "flyte.lyft.com", "scope": "Namespaced",
            "names": ["kind": "FlyteWorkflow", "plural": "flyteworkflows", "singular": "flyteworkflow"],
            "versions": [
                [
                    "name": "v1alpha1", "served": true, "storage": true,
                    "schema": [
                        "openAPIV3Schema": ["type": "object", "x-kubernetes-preserve-unknown-fields": true]
                    ],
                ]
            ],
        ],
    ]

    private static let text: JSON = ["type": "string"]
    /// The shape of the CRD of the cluster inventory API, as far as it is written.
    public static let clusterProfiles: JSON = [
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": ["name": "clusterprofiles.multicluster.x-k8s.io"],
        "spec": [
            "group": "multicluster.x-k8s.io", "scope": "Namespaced",
            "names": ["kind": "ClusterProfile", "plural": "clusterprofiles", "singular": "clusterprofile"],
            "versions": [
                [
                    "name": "v1alpha1", "served": true, "storage": true, "subresources": ["status": [:]],
                    "schema": ["openAPIV3Schema": profileSchema],
                ]
            ],
        ],
    ]
    private static let profileSchema: JSON = [
        "type": "object", "required": ["spec"],
        "properties": [
            "spec": [
                "type": "object", "required": ["clusterManager"],
                "properties": [
                    "displayName": text,
                    "clusterManager": [
                        "type": "object", "required": ["name"], "properties": ["name": text],
                        "x-kubernetes-validations": [
                            ["rule": "self == oldSelf", "message": "ClusterManager is immutable"]
                        ],
                    ],
                ],
            ],
            "status": [
                "type": "object",
                "properties": [
                    "conditions": ["type": "array", "items": anything],
                    "version": ["type": "object", "properties": ["kubernetes": text]],
                    "properties": [
                        "type": "array",
                        "items": [
                            "type": "object", "required": ["name", "value"],
                            "properties": ["name": text, "value": text],
                        ],
                    ],
                    "accessProviders": ["type": "array", "items": anything],
                ],
            ],
        ],
    ]
    private static let anything: JSON = ["type": "object", "x-kubernetes-preserve-unknown-fields": true]
}
