#ifndef SQUADRON_CPROCESS_H
#define SQUADRON_CPROCESS_H

/* What Swift can't call, or only with casts that say nothing: `prctl` takes a variable number of arguments, and the
   resources of `setrlimit` are an enum in some C libraries. Each answers 0, or errno. */

/* No core file, and no process of the same user may read our memory or attach a debugger (`PR_SET_DUMPABLE`). */
int squadron_forbid_core_dumps(void);

/* Raises the soft limit of open files to the hard one; `limit` is the one then in force. */
int squadron_raise_open_files(unsigned long long *limit);

/* "<commit> <date>" of the source, which hack/build-operator writes into the finished program; empty in other builds. A
   flag of the compiler would do as well, and build everything anew for each commit. */
const char *squadron_build_record(void);

#endif
