// What the commands beside `run` show. Pure values but for `Reading/` and `UI/`: objects go in, a report comes out.
//
//   Output/    the formats, the screen, text without control characters, tables, what a command ends with
//   Reading/   the control plane's objects, read with the user's own rights; no operator needs to run
//   Status/    objects → FleetOverview: the fleet on one screen
//   Cordon/    objects → CordonPlan: what cordon and uncordon change, and what they refuse
//   Explain/   objects, and what flyteadmin says → where executions go, and what that rests on
//   Diff/      objects, and what the data planes answer by dry run → what applying manifests would change there
//   Doctor/    facts → findings with what to do: one table of small checks; DoctorReading gathers the facts
//   Import/    what Flyte has → manifests, and the list of what can't be taken over
//   Export/    objects → files for Flyte's chart and flytectl, and back by Import
//   Why/       objects → NamespaceStory: what wants a namespace, where it is, which values it gets from where
//   UI/        watches → FleetPage: the page of `squadron ui`; PageSite decides which request gets it, PageRun serves it
//
// A report is made of what was read and a time. It gives JSON (and the same as YAML) for scripts and a page of text for
// people. The commands in `Sources/Squadron` only parse arguments, read, and show the report.
