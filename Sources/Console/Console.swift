// What the commands beside `run` show. Everything except `Reading/` and `UI/` is a pure value: objects go in, a report
// comes out.
//
//   Output/    the formats, the screen, text without control characters, tables, exit codes
//   Reading/   reads the control plane's objects with the user's own rights; no operator needs to run
//   Status/    objects → FleetOverview: the fleet on one screen
//   Cordon/    objects → CordonPlan: what cordon and uncordon change, and what they refuse
//   Explain/   objects and flyteadmin's answers → where executions go, and why
//   Diff/      objects and dry runs at the data planes → what applying manifests would change there
//   Doctor/    facts → findings with what to do: a table of small checks; DoctorReading reads the facts
//   Import/    Flyte's configuration → manifests, and the list of what can't be taken over
//   Export/    objects → files for Flyte's chart and flytectl; Import reads them back
//   Why/       objects → NamespaceStory: what wants a namespace, its state, and where its values come from
//   UI/        watches → FleetPage: the page of `squadron ui`; PageSite checks the requests, PageRun serves the page
//
// A report is made of the objects that were read and a time. It gives JSON (and the same as YAML) for scripts and a
// page of text for people. The commands in `Sources/Squadron` only parse arguments, read, and show the report.
