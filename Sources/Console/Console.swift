// What the commands beside `run` show. Pure values but for `Reading/`: objects go in, a report comes out.
//
//   Output/    the formats, the screen, text without control characters, tables, what a command ends with
//   Reading/   the control plane's objects, read with the user's own rights; no operator needs to run
//   Status/    objects → FleetOverview: the fleet on one screen
//   Cordon/    objects → CordonPlan: what cordon and uncordon change, and what they refuse
//   Why/       objects → NamespaceStory: what wants a namespace, where it is, which values it gets from where
//
// A report is made of what was read and a time. It gives JSON (and the same as YAML) for scripts and a page of text for
// people. The commands in `Sources/Squadron` only parse arguments, read, and show the report.
