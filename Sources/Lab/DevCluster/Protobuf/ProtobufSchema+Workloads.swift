/// What `kubectl create quota`, `deployment`, `job`, `service`, `priorityclass` and `poddisruptionbudget` send. A pod's
/// template has only the fields that these commands can set.
extension ProtobufType {
    static var resourceQuotaSpec: ProtobufType {
        .message([
            1: ("hard", .map(.quantity)), 2: ("scopes", .list(.string)),
            3: (
                "scopeSelector",
                .message([
                    1: (
                        "matchExpressions",
                        .list(
                            .message([
                                1: ("scopeName", .string), 2: ("operator", .string), 3: ("values", .list(.string)),
                            ]))
                    )
                ])
            ),
        ])
    }

    static var serviceSpec: ProtobufType {
        .message([
            1: (
                "ports",
                .list(
                    .message([
                        1: ("name", .string), 2: ("protocol", .string), 3: ("port", .integer(keepsZero: false)),
                        4: ("targetPort", .intOrString), 5: ("nodePort", .integer(keepsZero: false)),
                        6: ("appProtocol", .string),
                    ]))
            ), 2: ("selector", .map(.string)), 3: ("clusterIP", .string), 4: ("type", .string),
            5: ("externalIPs", .list(.string)), 7: ("sessionAffinity", .string), 8: ("loadBalancerIP", .string),
            10: ("externalName", .string), 18: ("clusterIPs", .list(.string)),
        ])
    }

    static var deploymentSpec: ProtobufType {
        .message([
            1: ("replicas", .integer(keepsZero: true)), 2: ("selector", labelSelector), 3: ("template", podTemplate),
            4: (
                "strategy",
                .message([
                    1: ("type", .string),
                    2: (
                        "rollingUpdate", .message([1: ("maxUnavailable", .intOrString), 2: ("maxSurge", .intOrString)])
                    ),
                ])
            ), 5: ("minReadySeconds", .integer(keepsZero: false)),
            6: ("revisionHistoryLimit", .integer(keepsZero: true)), 7: ("paused", .flag),
            9: ("progressDeadlineSeconds", .integer(keepsZero: true)),
        ])
    }

    static var jobSpec: ProtobufType {
        .message([
            1: ("parallelism", .integer(keepsZero: true)), 2: ("completions", .integer(keepsZero: true)),
            3: ("activeDeadlineSeconds", .integer(keepsZero: true)), 4: ("selector", labelSelector),
            6: ("template", podTemplate), 7: ("backoffLimit", .integer(keepsZero: true)),
            8: ("ttlSecondsAfterFinished", .integer(keepsZero: true)),
        ])
    }

    static var disruptionBudgetSpec: ProtobufType {
        .message([
            1: ("minAvailable", .intOrString), 2: ("selector", labelSelector), 3: ("maxUnavailable", .intOrString),
            4: ("unhealthyPodEvictionPolicy", .string),
        ])
    }

    private static var labelSelector: ProtobufType {
        .message([
            1: ("matchLabels", .map(.string)),
            2: (
                "matchExpressions",
                .list(.message([1: ("key", .string), 2: ("operator", .string), 3: ("values", .list(.string))]))
            ),
        ])
    }

    private static var podTemplate: ProtobufType {
        .message([
            1: ("metadata", metadata),
            2: (
                "spec",
                .message([
                    2: ("containers", .list(container)), 3: ("restartPolicy", .string),
                    7: ("nodeSelector", .map(.string)), 8: ("serviceAccountName", .string),
                    20: ("initContainers", .list(container)),
                ])
            ),
        ])
    }

    private static var container: ProtobufType {
        .message([
            1: ("name", .string), 2: ("image", .string), 3: ("command", .list(.string)), 4: ("args", .list(.string)),
            6: (
                "ports",
                .list(
                    .message([
                        1: ("name", .string), 3: ("containerPort", .integer(keepsZero: false)),
                        4: ("protocol", .string),
                    ]))
            ), 7: ("env", .list(.message([1: ("name", .string), 2: ("value", .string)]))),
            8: ("resources", .message([1: ("limits", .map(.quantity)), 2: ("requests", .map(.quantity))])),
            14: ("imagePullPolicy", .string),
        ])
    }
}
