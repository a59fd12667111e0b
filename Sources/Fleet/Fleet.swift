// Flyte's rules as pure values. Nothing here does I/O, starts a task or reads a clock: facts go in, decisions come out.
//
// In the order in which the operator uses them:
//
//   API/             the five kinds, with the CRDs' defaults and rules applied again on reading
//   Conditions/      every condition type and reason, and how findings become conditions
//   Credentials/     Secret entries → token and CA, or what is wrong with them
//   Labels/          ExecutionLabels and ExecutionClusterLabels → their conditions
//   ProjectDomains/  which project-domains are wanted, and the names of their namespaces
//   Templates/       Flyte's templates → compiled trees; the layers of values
//   Desired/         templates + values → objects ready to be sent, with hashes; the owner of a Namespace
//   Secrets/         Secrets of the control plane → the copies for every namespace
//   Planning/        the objects of the control plane → the plan: which namespaces are wanted, where, with which content
//   Rollout/         the revisions of templates and values, and which data plane gets which
//   Permissions/     the rights that are needed in a data plane, and which of them are missing
//   FlyteAdmin/      ExecutionClusterLabels + rows in flyteadmin + notes on our rows → what to write and delete there
//
//   Publish/         what is published for flyteadmin: its clusters configuration, and when its Deployments restart
//   Placement/       which cluster flyteadmin draws for an execution, bit by bit
//   Profiles/        DataPlanes → ClusterProfiles for other programs
