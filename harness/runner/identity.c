#include "identity.h"

#include <stddef.h>
#include <string.h>

/* The Makefile defines RUNNER_BACKEND, RUNNER_FLAVOUR, RUNNER_COMPILER and RUNNER_FLAGS, and
 * GC_PROBE for a probe runner. */
#ifdef GC_PROBE
#define PROBE_SUFFIX "-probe"
#define IS_PROBE     true
#else
#define PROBE_SUFFIX ""
#define IS_PROBE     false
#endif

const struct runner_identity runner_identity = {
    .program = sizeof RUNNER_FLAVOUR > 1 ? "gcmeter-run-" RUNNER_BACKEND
                                           "-" RUNNER_FLAVOUR PROBE_SUFFIX
                                         : "gcmeter-run-" RUNNER_BACKEND PROBE_SUFFIX,
    .backend = RUNNER_BACKEND,
    .flavour = RUNNER_FLAVOUR,
    .compiler = RUNNER_COMPILER " " __VERSION__,
    .flags = RUNNER_FLAGS,
    .is_probe = IS_PROBE,
};

static const struct {
    const char *folder;
    const char *flavours;
} rows[] = {
#define BACKEND(folder, flavours, header, libraries, package, summary) {#folder, flavours},
#include "backends.def"
#undef BACKEND
};

const char *runner_flavours(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].folder, runner_identity.backend) == 0)
            return rows[i].flavours;
    return "";
}
