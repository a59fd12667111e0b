/// What to do about a condition that is not True, by its reason. docs/runbook.md has more about each.
enum ReasonAdvice {
    static let domains = "add the domain to spec.domains of the registry, or correct it"

    static func text(_ reason: String) -> String { texts[reason] ?? "docs/runbook.md says what to do about \(reason)" }

    static let texts: [String: String] = [
        "NoStatus": "look whether an operator leads",
        // Credentials
        "SecretNotFound": "make the Secret, or add its name to the operator's Role (squadron rbac prints it)",
        "SourceNotAllowed":
            "give the Secret the label multicluster.flyte.org/use that the message names, or name another one",
        "HostNotAllowed": "if the host is right, add it to the annotation multicluster.flyte.org/hosts of the Secret",
        "TokenMissing": "add the key that the message names",
        "CACertMissing": "add the key that the message names",
        "TokenMalformed": "write the token itself under stringData; often it was encoded with base64 once too often",
        "CACertMalformed": "write the PEM text itself under stringData",
        "KeysMismatch": "name the keys x_token and x_cacert, with the same x",
        "TokenExpired": "squadron rotate, or provider: TokenRequest, which renews it",
        "TokenRejected":
            "the account or its token Secret was deleted, or the token is another cluster's: make a new one",
        "RenewalFailed": "see to the account and its right to create serviceaccounts/token",
        // Reachability
        "DNSFailed": "look at the endpoint and at the cluster's DNS",
        "ConnectFailed": "look at the endpoint, firewalls and the proxy",
        "TLSUntrusted": "the CA is another cluster's, or was renewed: copy the new one",
        "TLSNameMismatch": "use the name in the certificate, or set connection.tlsServerName",
        "TLSExpired": "renew the server's certificate in the data plane, or set the clock",
        "Timeout": "the server is overloaded, or packets are dropped on the way; connection.probeTimeoutSeconds",
        "TooManyRequests": "the server is overloaded; Squadron waits as long as it asks",
        "ServerError": "look at the log of its API server",
        "PermissionsMissing":
            "squadron join again, if join made it; otherwise squadron rbac --only data-planes | kubectl --context <data plane> "
            + "apply -f -",
        "DuplicateCluster": "delete one of the two DataPlanes",
        "IdentityChanged": "if the new cluster is right, create the DataPlane again",
        "PropellerNotFound": "install flyte-core's data plane there, or correct flyteHealth.namespace and deployment",
        "PropellerUnavailable": "look at propeller's pods there",
        "FlyteCRDMissing": "install Flyte's CRD there",
        "FlyteAdminTokenRejected": "put a good token into cluster-credentials; flyteadmin reads it when it starts",
        "FlyteAdminForbidden": "give its account create and delete of flyteworkflows.flyte.lyft.com",
        // Synchronisation
        "Pending": "wait; the message says for what",
        "SyncFailed": "status.failures has the objects and the reasons; squadron why <namespace>",
        "Conflict":
            "of a field: take it out of the template, let the other manager give it up, or set conflictPolicy: Force; of a "
            + "namespace: do what the message says",
        "PruneHeld":
            "look at what would go; then set the annotation multicluster.flyte.org/allow-prune on the registry",
        // Labels and assignments
        "WeightsInvalid": "correct the weights: they sum to 1",
        "DuplicateLabel": "delete one of the two ExecutionLabels",
        "UnknownCluster": "correct the cluster's name, or make its DataPlane",
        "ClusterDisabled": "take the cluster out of the label, or enable it",
        "NoReadyCluster": "see to the label's data planes",
        "LabelNotFound": "make the ExecutionLabel, or correct spec.value",
        "LabelNotReady": "see to the ExecutionLabel",
        "Partial": "see to the data planes that are not in sync",
        "InvalidName": "use another namespaceTemplate, project or domain",
        "UnknownDomain": domains,
        "FlyteAdminUnreachable": "look at the endpoint of spec.flyteAdmin, its CA and its credentials",
        "FlyteAdminRefused": "often the project or the domain is not registered in flyteadmin",
        "WaitingForRollout": "wait for the rollout, or look at the registry's RolledOut",
        "DuplicateAssignment": "delete one of the two objects",
        "DuplicateProject": "delete one of the two FlyteProjects",
        "ValueLocked": "take the value out, or unlock it in lockedValues of the registry",
        // The registry
        "IdentityUnknown": "let the operator read its own Namespace, or set identity.id",
        "KindMissing":
            "stop the operator, apply manifests/crds, restore the objects from your backup, start it again: while it runs, what is "
            + "not back a minute after its kind counts as deleted",
        "RolloutInvalid": "correct spec.rollout.groups",
        "DataPlanesNotReady": "see to the data planes that the message names",
        "LabelsNotReady": "see to the labels that the message names",
        "ConfigMapNotFound":
            "make the ConfigMap again; Flyte's chart takes its own away with cluster_resource_manager.enabled: false",
        "TemplateInvalid": "correct the template: the message names file and line",
        "ValuesInvalid": "correct the values that the message names; Helm's expressions have to be rendered",
        "PublishFailed": "do what the message says; the component publish has the right to write",
        "LabelWouldBeEmpty":
            "give the label another cluster, or set the annotation multicluster.flyte.org/allow-empty on the ExecutionLabel",
        "Progressing": "wait",
        "RolloutFailed": "look at the Deployment's pods; the component restart has the right to patch it",
        "RolloutHeld": "do what the message says",
    ]
}
