#include "driver/runner_env.h"

#include "driver/xalloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool begins(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

char **runner_env_create(const char *library_dir, size_t padding_bytes)
{
    size_t count = 0;
    while (environ[count])
        count++;
    char **environment = xcalloc(count + 3, sizeof *environment);
    size_t n = 0;
    const char *library_path = getenv("LD_LIBRARY_PATH");
    for (size_t i = 0; i < count; i++) {
        if (begins(environ[i], "GCMETER_PADDING=") ||
            (library_dir && begins(environ[i], "LD_LIBRARY_PATH=")))
            continue;
        environment[n++] = xstrdup(environ[i]);
    }
    if (library_dir && library_path && *library_path)
        environment[n++] = xprintf("LD_LIBRARY_PATH=%s:%s", library_dir, library_path);
    else if (library_dir)
        environment[n++] = xprintf("LD_LIBRARY_PATH=%s", library_dir);
    const char name[] = "GCMETER_PADDING=";
    char *padding = xcalloc(sizeof name + padding_bytes, 1);
    memcpy(padding, name, sizeof name - 1);
    memset(padding + sizeof name - 1, 'x', padding_bytes);
    environment[n] = padding;
    return environment;
}

void runner_env_free(char **environment)
{
    for (size_t i = 0; environment && environment[i]; i++)
        free(environment[i]);
    free(environment);
}

char *runner_env_tuning(void)
{
    static const char *const prefixes[] = {
        "GC_",         "GOGC=",       "GOMEMLIMIT=",     "GODEBUG=",
        "GOMAXPROCS=", "MALLOC_",     "GLIBC_TUNABLES=", "MIMALLOC_",
        "TCMALLOC_",   "LD_PRELOAD=", "LD_LIBRARY_PATH="};
    char *text = xstrdup("");
    for (char **variable = environ; *variable; variable++)
        for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
            if (begins(*variable, prefixes[i])) {
                char *longer = xprintf("%s%s%s", text, *text ? " " : "", *variable);
                free(text);
                text = longer;
            }
    return text;
}
