#include "CProcess.h"

#include <errno.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#ifdef __linux__
__attribute__((section(".squadron.build"), used))
#endif
static const volatile char build_record[128] = "";

const char *squadron_build_record(void) { return (const char *)build_record; }

int squadron_forbid_core_dumps(void) {
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0) return errno;
#ifdef __linux__
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return errno;
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) return EPERM;
#endif
    return 0;
}

int squadron_raise_open_files(unsigned long long *limit) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return errno;
    *limit = files.rlim_cur;
    if (files.rlim_cur == files.rlim_max) return 0;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0) return errno;
    *limit = files.rlim_cur;
    return 0;
}
