extension BuiltInTypes {
    static let metaTypes = """
        ObjectMeta | What every stored object says of itself.
          name string | The object's name, unique among its kind in its namespace. Cannot be changed.
          generateName string | A prefix from which the server makes a unique name where name is not given.
          namespace string | The namespace that the object lives in; empty for cluster-wide kinds.
          selfLink string | No longer filled in.
          uid string | Unique over time and space: an object made anew under the same name has another one.
          resourceVersion string | Changes with every write; compared on updates to detect concurrent changes.
          generation int | Counts the changes of the desired state.
          creationTimestamp time | When the server stored the object first.
          deletionTimestamp time | Set when deletion was asked for and finalizers still hold the object.
          deletionGracePeriodSeconds int | How many seconds the object may take to end.
          labels {string} | Keys and values for selecting objects.
          annotations {string} | Keys and values that tools keep with the object.
          ownerReferences [OwnerReference]#uid merge=uid | Objects that this one depends on.
          finalizers [string]#set merge | Whoever must act before the object may vanish.
          managedFields [ManagedFieldsEntry] | Which manager owns which fields.
        OwnerReference atomic | An object that owns this one.
          apiVersion string * ! | Group and version of the owner.
          kind string * ! | Kind of the owner.
          name string * ! | Name of the owner.
          uid string * ! | Uid of the owner.
          controller bool | Whether the owner manages this object.
          blockOwnerDeletion bool | Whether the owner must wait for this object in foreground deletion.
        ManagedFieldsEntry | The fields of one manager.
          manager string | Who.
          operation string | Apply or Update.
          apiVersion string | The version that the field names belong to.
          time time | When the entry changed last.
          fieldsType string | Always FieldsV1.
          fieldsV1 any | The tree of fields.
          subresource string | Through which subresource the fields were written.
        LabelSelector atomic | Selects objects by their labels; all requirements must hold.
          matchLabels {string} | Labels that must have exactly these values.
          matchExpressions [LabelSelectorRequirement] | Further requirements.
        LabelSelectorRequirement | One requirement on one label.
          key string * ! | The label's key.
          operator string * ! | In, NotIn, Exists or DoesNotExist.
          values [string] | The values for In and NotIn.
        Condition | One aspect of an object's state.
          type string * ! | The aspect, in CamelCase.
          status string * ! | True, False or Unknown.
          observedGeneration int | The generation that the condition is about.
          lastTransitionTime time * ! | When status changed last.
          reason string * ! | A word for why.
          message string * ! | A sentence for people.
        """

    static let coreTypes = """
        Namespace kind | A part of the cluster that names are unique in.
          spec NamespaceSpec ! | How the namespace behaves.
          status NamespaceStatus ! | Its state.
        NamespaceSpec | How a namespace behaves.
          finalizers [string] | Who must clean up before the namespace may vanish.
        NamespaceStatus | The state of a namespace.
          phase string | Active or Terminating.
          conditions [NamespaceCondition]#type merge=type | What still holds up its deletion.
        NamespaceCondition | One aspect of a namespace's state.
          type string * ! | The aspect.
          status string * ! | True, False or Unknown.
          lastTransitionTime time | When status changed last.
          reason string | A word for why.
          message string | A sentence for people.
        ConfigMap kind | Configuration that pods and people read.
          data {string} | Text by key.
          binaryData {bytes} | Bytes by key, in base64.
          immutable bool | Whether the data may no longer change.
        Secret kind | Data that must be kept from view.
          data {bytes} | Bytes by key, in base64.
          stringData {string} | Text by key; merged into data when written, never shown.
          type string | What the secret is for; Opaque unless said.
          immutable bool | Whether the data may no longer change.
        ServiceAccount kind | An identity for processes that run in the cluster.
          secrets [ObjectReference]#name merge=name | Secrets that pods with this account may use.
          imagePullSecrets [LocalObjectReference] | Secrets for pulling images.
          automountServiceAccountToken bool | Whether pods get a token of this account by themselves.
        ObjectReference atomic | Points at an object.
          kind string | Its kind.
          namespace string | Its namespace.
          name string | Its name.
          uid string | Its uid.
          apiVersion string | Its group and version.
          resourceVersion string | Its resourceVersion.
          fieldPath string | A part of it.
        LocalObjectReference atomic | Points at an object in the same namespace.
          name string default="" | Its name.
        ResourceQuota kind | Limits what a namespace may use in total.
          spec ResourceQuotaSpec ! | The limits.
          status ResourceQuotaStatus ! | The limits in force and what is used.
        ResourceQuotaSpec | The limits of a namespace.
          hard {quantity} | The most that may be used of each resource.
          scopes [string] | Which objects count.
          scopeSelector any | Which objects count, by expression.
        ResourceQuotaStatus | What a namespace uses.
          hard {quantity} | The limits in force.
          used {quantity} | What is used.
        LimitRange kind | Limits and defaults for single objects of a namespace.
          spec LimitRangeSpec ! | The limits.
        LimitRangeSpec | Limits by kind of object.
          limits [LimitRangeItem] * ! | The limits.
        LimitRangeItem | Limits for one kind of object.
          type string * ! | Container, Pod or PersistentVolumeClaim.
          max {quantity} | The most.
          min {quantity} | The least.
          default {quantity} | The limit where none is given.
          defaultRequest {quantity} | The request where none is given.
          maxLimitRequestRatio {quantity} | How far limit and request may lie apart.
        Event kind | Something that happened to an object.
          involvedObject ObjectReference * ! | What it happened to.
          reason string | Why, as a word.
          message string | What, as a sentence.
          source EventSource ! | Who reports it.
          firstTimestamp time ! | When it happened first.
          lastTimestamp time ! | When it happened last.
          count int | How often.
          type string | Normal or Warning.
          eventTime microtime ! | When it was seen first.
          series EventSeries | How it goes on.
          action string | What was done or tried.
          related ObjectReference | A second object that it is about.
          reportingComponent string ! | The controller that reports it.
          reportingInstance string ! | Which instance of the controller.
        EventSource | Who reports an event.
          component string | The component.
          host string | The node.
        EventSeries | An event that keeps happening.
          count int | How often so far.
          lastObservedTime microtime | When last.
        EventV1 kind | Something that happened to an object.
          eventTime microtime * ! | When it was seen first.
          series EventV1Series | How it goes on.
          reportingController string | The controller that reports it.
          reportingInstance string | Which instance of the controller.
          action string | What was done or tried.
          reason string | Why, as a word.
          regarding ObjectReference | What it happened to.
          related ObjectReference | A second object that it is about.
          note string | What, as a sentence.
          type string | Normal or Warning.
          deprecatedSource EventSource ! | source of a core/v1 event.
          deprecatedFirstTimestamp time ! | firstTimestamp of a core/v1 event.
          deprecatedLastTimestamp time ! | lastTimestamp of a core/v1 event.
          deprecatedCount int | count of a core/v1 event.
        EventV1Series | An event that keeps happening.
          count int * ! | How often so far.
          lastObservedTime microtime * ! | When last.
        Service kind | A name and address for a set of pods.
          spec ServiceSpec ! | What it offers.
          status any ! | Its load balancer.
        ServiceSpec open | What a service offers.
          ports [ServicePort]#port,protocol merge=port | The ports.
          selector {string}#atomic | Labels of the pods behind it.
          clusterIP string | Its address in the cluster.
          type string | ClusterIP, NodePort, LoadBalancer or ExternalName.
        ServicePort | One port of a service.
          name string | Its name.
          protocol string default=TCP | TCP, UDP or SCTP.
          appProtocol string | What is spoken on it.
          port int * ! | The service's port.
          targetPort intstr ! | The pods' port.
          nodePort int | The nodes' port.
        Node kind | A machine of the cluster.
          spec any ! | How the node is set up.
          status any ! | Its state.
        PersistentVolumeClaim kind | A request for storage.
          spec any ! | What storage is wanted.
          status any ! | What was bound.
        Endpoints kind | The addresses behind a service.
          subsets [any] | Addresses and ports.
        """
}
