/// The templates of the flyte-core chart, in short.
public enum FlyteCoreTemplates {
    public static let namespace = """
        apiVersion: v1
        kind: Namespace
        metadata:
          name: {{ namespace }}
        spec:
          finalizers:
          - kubernetes
        """
    public static let account = """
        apiVersion: v1
        kind: ServiceAccount
        metadata:
          name: default
          namespace: {{ namespace }}
          annotations:
            eks.amazonaws.com/role-arn: {{ defaultIamRole }}
        """
    public static let quota = """
        apiVersion: v1
        kind: ResourceQuota
        metadata:
          name: project-quota
          namespace: {{ namespace }}
        spec:
          hard:
            limits.cpu: {{ projectQuotaCpu }}
            limits.memory: {{ projectQuotaMemory }}
        """

    /// By the names that the chart gives them.
    public static let files = [
        "aa_namespace.yaml": namespace, "aab_default_service_account.yaml": account,
        "ab_project_resource_quota.yaml": quota,
    ]
}
