extension BuiltInTypes {
    static let podTypes = """
        Pod kind | Containers that run together on one node.
          spec PodSpec ! | What runs.
          status any ! | Its state.
        PodTemplateSpec | What pods are made from.
          metadata ObjectMeta ! | Labels and annotations of the pods.
          spec PodSpec ! | What runs in them.
        PodTemplate kind | A stored template of pods.
          template PodTemplateSpec ! | The template.
        PodSpec open | What runs in a pod. Not all of its fields are described here.
          volumes [Volume]#name merge=name | Volumes that containers can mount.
          initContainers [Container]#name merge=name | Containers that run to their end before the others.
          containers [Container]#name * ! merge=name | The containers.
          restartPolicy string | Always, OnFailure or Never.
          terminationGracePeriodSeconds int | How many seconds the containers get to end.
          activeDeadlineSeconds int | After how many seconds the pod is ended.
          dnsPolicy string | Where names are looked up.
          nodeSelector {string}#atomic | Labels that the node must have.
          serviceAccountName string | The identity that it runs under.
          serviceAccount string | Old name of serviceAccountName.
          automountServiceAccountToken bool | Whether it gets that identity's token.
          nodeName string | The node that it runs on.
          hostNetwork bool | Whether it uses the node's network.
          hostPID bool | Whether it sees the node's processes.
          hostIPC bool | Whether it shares the node's IPC.
          securityContext PodSecurityContext | Rights of all containers.
          imagePullSecrets [LocalObjectReference]#name merge=name | Secrets for pulling images.
          hostname string | Its host name.
          subdomain string | Its domain below the namespace's.
          affinity any | Which nodes and neighbours it wants.
          schedulerName string | Who places it.
          tolerations [any] | Which tainted nodes it accepts.
          hostAliases [HostAlias]#ip merge=ip | Further entries of the hosts file.
          priorityClassName string | How important it is.
          priority int | How important it is, as a number.
          dnsConfig any | How names are looked up.
          readinessGates [any] | Conditions that must hold for it to be ready.
          enableServiceLinks bool | Whether services are told by environment variables.
          preemptionPolicy string | Whether it may displace others.
          topologySpreadConstraints [TopologySpreadConstraint]#topologyKey,whenUnsatisfiable merge=topologyKey | How replicas spread.
        HostAlias | Names of one address.
          ip string * ! | The address.
          hostnames [string] | The names.
        TopologySpreadConstraint open | How replicas spread over the cluster.
          maxSkew int * ! | How uneven it may get.
          topologyKey string * ! | The node label that tells places apart.
          whenUnsatisfiable string * ! | What to do where it cannot be met.
          labelSelector LabelSelector | Which pods count.
        PodSecurityContext open | Rights of all containers of a pod.
          runAsUser int | The user id.
          runAsGroup int | The group id.
          runAsNonRoot bool | Whether root is refused.
          fsGroup int | The group that owns volumes.
          supplementalGroups [int] | Further groups.
          seccompProfile any | Which system calls are allowed.
        Container open | A process in an image. Not all of its fields are described here.
          name string * ! | Its name, unique in the pod.
          image string | The image.
          command [string] | The program, in place of the image's.
          args [string] | The arguments.
          workingDir string | The working directory.
          ports [ContainerPort]#containerPort,protocol merge=containerPort | Ports that it listens on.
          envFrom [any] | Environment variables from whole objects.
          env [EnvVar]#name merge=name | Environment variables.
          resources ResourceRequirements ! | What it needs and may use.
          volumeMounts [VolumeMount]#mountPath merge=mountPath | Volumes and where they appear.
          volumeDevices [VolumeDevice]#devicePath merge=devicePath | Block devices and where they appear.
          livenessProbe any | Tells when to restart it.
          readinessProbe any | Tells when it can serve.
          startupProbe any | Tells when it has started.
          lifecycle any | What to do after its start and before its end.
          terminationMessagePath string | Where it leaves its last words.
          terminationMessagePolicy string | Where its last words come from.
          imagePullPolicy string | Always, IfNotPresent or Never.
          securityContext any | Its rights.
          stdin bool | Whether it has standard input.
          stdinOnce bool | Whether standard input closes after the first client.
          tty bool | Whether it has a terminal.
        ContainerPort | A port that a container listens on.
          name string | Its name.
          hostPort int | The node's port for it.
          containerPort int * ! | The port.
          protocol string default=TCP | TCP, UDP or SCTP.
          hostIP string | The node's address for it.
        EnvVar | An environment variable.
          name string * ! | Its name.
          value string | Its value.
          valueFrom any | Where its value comes from.
        ResourceRequirements | What a container needs and may use.
          limits {quantity} | The most it gets.
          requests {quantity} | What is set aside for it.
          claims [any]#name | Devices.
        VolumeMount | A volume and where it appears.
          name string * ! | The volume.
          readOnly bool | Whether it cannot be written.
          recursiveReadOnly string | Whether that holds for mounts inside of it.
          mountPath string * ! | Where it appears.
          subPath string | Which part of it.
          mountPropagation string | Whether later mounts are seen.
          subPathExpr string | Which part of it, with variables.
        VolumeDevice | A block device and where it appears.
          name string * ! | The volume.
          devicePath string * ! | Where it appears.
        Volume open | Storage that containers can mount. Its sources are not described here.
          name string * ! | Its name, unique in the pod.
        """

    static let workloadTypes = """
        Deployment kind | Keeps a number of equal pods running, and changes them step by step.
          spec DeploymentSpec ! | What is wanted.
          status DeploymentStatus ! | What is there.
        DeploymentSpec | What a deployment wants.
          replicas int default=1 | How many pods.
          selector LabelSelector * ! | Which pods are its own.
          template PodTemplateSpec * ! | What the pods are made from.
          strategy DeploymentStrategy ! retain | How pods are replaced.
          minReadySeconds int | How long a new pod must be ready to count.
          revisionHistoryLimit int default=10 | How many old states are kept.
          paused bool | Whether changes wait.
          progressDeadlineSeconds int default=600 | After how long without progress it has failed.
        DeploymentStrategy | How pods are replaced.
          type string | RollingUpdate or Recreate.
          rollingUpdate RollingUpdateDeployment | The steps.
        RollingUpdateDeployment | The steps of a rolling update.
          maxUnavailable intstr | How many pods may be missing.
          maxSurge intstr | How many pods there may be too many.
        DeploymentStatus open | What is there of a deployment.
          observedGeneration int | The generation that was acted on.
          replicas int | How many pods.
          updatedReplicas int | How many of the wanted kind.
          readyReplicas int | How many are ready.
          availableReplicas int | How many have been ready long enough.
          unavailableReplicas int | How many are missing.
          conditions [any]#type merge=type | Aspects of its state.
          collisionCount int | How often names collided.
        ReplicaSet kind | Keeps a number of equal pods running.
          spec ReplicaSetSpec ! | What is wanted.
          status any ! | What is there.
        ReplicaSetSpec | What a replica set wants.
          replicas int default=1 | How many pods.
          minReadySeconds int | How long a new pod must be ready to count.
          selector LabelSelector * ! | Which pods are its own.
          template PodTemplateSpec | What the pods are made from.
        StatefulSet kind | Keeps pods running that have names and storage of their own.
          spec StatefulSetSpec ! | What is wanted.
          status any ! | What is there.
        StatefulSetSpec open | What a stateful set wants.
          replicas int default=1 | How many pods.
          selector LabelSelector * ! | Which pods are its own.
          template PodTemplateSpec * ! | What the pods are made from.
          serviceName string ! | The service that gives them names.
        DaemonSet kind | Keeps one pod on each node.
          spec DaemonSetSpec ! | What is wanted.
          status any ! | What is there.
        DaemonSetSpec open | What a daemon set wants.
          selector LabelSelector * ! | Which pods are its own.
          template PodTemplateSpec * ! | What the pods are made from.
        Job kind | Runs pods to their end.
          spec any ! | What is wanted.
          status any ! | What is there.
        Lease kind | Who holds something, and until when.
          spec LeaseSpec ! | The holder.
        LeaseSpec | The holder of a lease.
          holderIdentity string | Who holds it.
          leaseDurationSeconds int | For how long after renewTime.
          acquireTime microtime | Since when this holder has it.
          renewTime microtime | When it was renewed last.
          leaseTransitions int | How often the holder changed.
          strategy string | How a holder is chosen.
          preferredHolder string | Who should have it next.
        """
}
