// Flyte's rules as pure values. Nothing here does I/O, starts a task or reads a clock: facts go in, decisions come out.
//
// In the order in which the operator uses them:
//
//   API/             the five kinds, with the CRDs' defaults and rules applied again on reading
//   Conditions/      every condition type and reason, and how verdicts become conditions
//   Credentials/     Secret entries → token and CA, or what is wrong with them
//   Labels/          ExecutionLabels and ExecutionClusterLabels → verdicts
//   ProjectDomains/  which project-domains are wanted, and what their namespaces are called
//   Templates/       Flyte's templates → compiled trees; the layers of values
//   Desired/         templates + values → objects ready to be sent, with hashes; whose a Namespace is
//   Permissions/     what a data plane must allow, and what of it is missing
//   FlyteAdmin/      ExecutionClusterLabels + rows in flyteadmin + notes of what is ours → what to write and delete there
//   Verdicts/        all that was observed → the conditions and status of DataPlane, FlyteProject, ClusterRegistry
//
//   Publish/         what goes out to Flyte: its clusters configuration, and when its Deployments are restarted
//   Placement/       which cluster flyteadmin draws for an execution, bit by bit
