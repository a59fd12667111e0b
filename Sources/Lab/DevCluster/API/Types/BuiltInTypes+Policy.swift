extension BuiltInTypes {
    static let policyTypes = """
        Role kind | Rights in one namespace.
          rules [PolicyRule] ! | The rights.
        ClusterRole kind | Rights in the whole cluster, or in namespaces that bind it.
          rules [PolicyRule] ! | The rights.
          aggregationRule AggregationRule | Which other cluster roles' rights it collects.
        AggregationRule | Which cluster roles' rights are collected.
          clusterRoleSelectors [LabelSelector] | Selects them by label.
        PolicyRule | Verbs that are allowed on resources or paths.
          verbs [string] * ! | What may be done.
          apiGroups [string] | In which API groups.
          resources [string] | On which resources.
          resourceNames [string] | On which objects only.
          nonResourceURLs [string] | On which paths.
        RoleBinding kind | Gives the rights of a role to subjects, in one namespace.
          subjects [Subject] | Who gets them.
          roleRef RoleRef * ! | Whose rights. Cannot be changed.
        ClusterRoleBinding kind | Gives the rights of a cluster role to subjects.
          subjects [Subject] | Who gets them.
          roleRef RoleRef * ! | Whose rights. Cannot be changed.
        RoleRef atomic | Points at a role.
          apiGroup string ! | rbac.authorization.k8s.io.
          kind string * ! | Role or ClusterRole.
          name string * ! | Its name.
        Subject atomic | Who gets rights.
          kind string * ! | User, Group or ServiceAccount.
          apiGroup string | Of the kind.
          name string * ! | The name.
          namespace string | Of a service account.
        NetworkPolicy kind | Which connections pods accept and make.
          spec NetworkPolicySpec ! | The rules.
        NetworkPolicySpec | The rules of a network policy.
          podSelector LabelSelector ! | Which pods it is for.
          ingress [any] | What they accept.
          egress [any] | What they may reach.
          policyTypes [string] | Ingress, Egress or both.
        PodDisruptionBudget kind | How many pods may be missing at a time.
          spec PodDisruptionBudgetSpec ! | The limits.
          status any ! | What is there.
        PodDisruptionBudgetSpec | Limits for voluntary disruption.
          minAvailable intstr | How many pods must stay.
          selector LabelSelector | Which pods it is for.
          maxUnavailable intstr | How many pods may be missing.
          unhealthyPodEvictionPolicy string | Whether broken pods may always go.
        PriorityClass kind open | How important pods are.
          value int * ! | The importance.
          globalDefault bool | Whether pods without a class get it.
          description string | For people.
          preemptionPolicy string | Whether pods may displace others.
        StorageClass kind open | How storage is made.
          provisioner string * ! | Who makes it.
        APIService kind | A part of the API that another server answers.
          spec any ! | Which server answers what.
          status any ! | Whether it does.
        """

    static let crdTypes = """
        CustomResourceDefinition kind | A kind of object that the cluster's users define.
          spec CustomResourceDefinitionSpec * ! | The definition.
          status CustomResourceDefinitionStatus | What the server made of it.
        CustomResourceDefinitionSpec | The definition of a kind.
          group string * ! | Its API group.
          names CustomResourceDefinitionNames * ! | Its names.
          scope string * ! | Namespaced or Cluster.
          versions [CustomResourceDefinitionVersion] * ! | Its versions.
          conversion CustomResourceConversion | How objects change between versions.
          preserveUnknownFields bool | Must be false.
        CustomResourceDefinitionNames | The names of a kind.
          plural string * ! | The name in paths.
          singular string | The name of one, for command lines.
          shortNames [string] | Abbreviations for command lines.
          kind string * ! | The kind's name.
          listKind string | The kind of its lists.
          categories [string] | Groups of kinds that it is listed with, such as all.
        CustomResourceDefinitionVersion | One version of a kind.
          name string * ! | The version, such as v1alpha1.
          served bool * ! | Whether it is answered.
          storage bool * ! | Whether objects are stored in it; true for exactly one.
          deprecated bool | Whether its use gives a warning.
          deprecationWarning string | The text of that warning.
          schema CustomResourceValidation | The fields.
          subresources CustomResourceSubresources | What else it has.
          additionalPrinterColumns [CustomResourceColumnDefinition] | Columns of tables.
          selectableFields [SelectableField] | Fields that field selectors may name.
        CustomResourceValidation | The fields of a kind.
          openAPIV3Schema any | The schema.
        CustomResourceSubresources | What else a kind has.
          status any | Whether status is written apart.
          scale any | Whether it can be scaled, and by which fields.
        CustomResourceColumnDefinition | A column of tables.
          name string * ! | Its heading.
          type string * ! | Its type.
          format string | How its type is shown.
          description string | For people.
          priority int | 0 is always shown, higher ones are shown when asked for more.
          jsonPath string * ! | Where the value is.
        SelectableField | A field that field selectors may name.
          jsonPath string * ! | Where the value is.
        CustomResourceConversion | How objects change between versions.
          strategy string * ! | None or Webhook.
          webhook any | Who converts.
        CustomResourceDefinitionStatus | What the server made of a definition.
          conditions [any]#type | Aspects of its state.
          acceptedNames CustomResourceDefinitionNames ! | The names in use.
          storedVersions [string] ! | Versions that objects may be stored in.
          observedGeneration int | The generation that was acted on.
        """
}
