#include "flavour.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "named_values.h"

int flavour_next(const char **words, struct flavour *flavour)
{
    const char *word = *words + strspn(*words, " ");
    size_t length = strcspn(word, " ");
    *words = word + length;
    if (length == 0)
        return 0;
    const char *colon = memchr(word, ':', length);
    const char *equals = colon ? memchr(colon, '=', length - (size_t)(colon - word)) : NULL;
    if (!equals)
        return -EINVAL;
    flavour->name = word;
    flavour->name_bytes = (size_t)(colon - word);
    flavour->option = colon + 1;
    flavour->option_bytes = (size_t)(equals - colon) - 1;
    flavour->value = equals + 1;
    flavour->value_bytes = (size_t)(word + length - equals) - 1;
    return 1;
}

/* Number of the flavour's option in the table and its value there, or -EINVAL. */
static int resolve(const struct flavour *flavour, const struct gc_option *options, size_t count,
                   size_t *index, int64_t *value, char *why, size_t why_bytes)
{
    char pair[128];
    int64_t unused[NAMED_VALUES_MAX];
    bool named[NAMED_VALUES_MAX];
    int length = snprintf(pair, sizeof pair, "%.*s=%.*s", (int)flavour->option_bytes,
                          flavour->option, (int)flavour->value_bytes, flavour->value);
    if (length < 0 || (size_t)length >= sizeof pair)
        return -EINVAL;
    int result = named_values_options(options, count, pair, unused, named, why, why_bytes);
    if (result)
        return result;
    for (*index = 0; !named[*index]; ++*index)
        continue;
    *value = unused[*index];
    return 0;
}

int flavour_apply(const char *words, const char *own, const struct gc_option *options, size_t count,
                  int64_t *values, const bool *given, char *why, size_t why_bytes)
{
    struct flavour flavour;
    int more;
    while ((more = flavour_next(&words, &flavour)) > 0) {
        size_t index;
        int64_t value;
        int result = resolve(&flavour, options, count, &index, &value, why, why_bytes);
        if (result)
            return result;
        bool mine =
            strlen(own) == flavour.name_bytes && memcmp(own, flavour.name, flavour.name_bytes) == 0;
        if (mine && !given[index])
            values[index] = value;
        if (mine == (values[index] == value))
            continue;
        if (mine)
            snprintf(why, why_bytes, "this runner, of flavour '%s', is for %.*s=%.*s only", own,
                     (int)flavour.option_bytes, flavour.option, (int)flavour.value_bytes,
                     flavour.value);
        else
            snprintf(why, why_bytes, "option %.*s=%.*s is for the runner of flavour '%.*s'",
                     (int)flavour.option_bytes, flavour.option, (int)flavour.value_bytes,
                     flavour.value, (int)flavour.name_bytes, flavour.name);
        return -EINVAL;
    }
    if (more < 0)
        snprintf(why, why_bytes, "backends.def: a flavour is not NAME:OPTION=VALUE");
    return more;
}
