/* identity.h: which runner this executable is. identity.c is compiled once per runner. */
#ifndef RUNNER_IDENTITY_H
#define RUNNER_IDENTITY_H

#include <stdbool.h>

struct runner_identity {
    const char *program; /* gcmeter-run-BACKEND[-FLAVOUR][-probe] */
    const char *backend; /* the folder under collectors/ */
    const char *flavour; /* "" for the plain one */
    const char *compiler;
    const char *flags;
    bool is_probe; /* its workloads are compiled with GC_PROBE */
};

extern const struct runner_identity runner_identity;

/* All flavours of the backend, from backends.def: words NAME:OPTION=VALUE separated by blanks; ""
 * for a backend that is not in it. */
const char *runner_flavours(void);

#endif
