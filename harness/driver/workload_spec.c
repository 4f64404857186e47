#include "driver/workload_spec.h"

#include "data/size_text.h"
#include "driver/cmd.h"
#include "driver/xalloc.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int param_value(const struct catalog_param *param, const char *text, uint64_t *value,
                       char *why, size_t why_bytes)
{
    bool is_bytes = !strcmp(param->unit, "bytes");
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    bool read = isdigit((unsigned char)*text) && !*end && !errno;
    if (!read && is_bytes)
        read = size_parse(text, value) == 0;
    if (read && *value >= param->min && *value <= param->max)
        return 0;
    snprintf(why, why_bytes, "%s is %s from %" PRIu64 " to %" PRIu64 ", not '%s'", param->name,
             is_bytes ? "a size" : "a number", param->min, param->max, text);
    return -EINVAL;
}

static void unknown_workload(const struct catalog *catalog, const char *name, char *why,
                             size_t why_bytes)
{
    size_t count;
    const struct catalog_workload **all = catalog_workloads(catalog, &count);
    const char **names = xcalloc(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = all[i]->name;
    const char *nearest = cmd_nearest(name, names);
    if (nearest)
        snprintf(why, why_bytes, "unknown workload '%s': did you mean '%s'?", name, nearest);
    else
        snprintf(why, why_bytes, "unknown workload '%s'; see gcmeter list workloads", name);
    free(names);
    free(all);
}

static int check_names(const struct catalog_workload *w, const struct variant_text *text, char *why,
                       size_t why_bytes)
{
    const char **names = xcalloc(w->param_count + 1, sizeof *names);
    for (size_t i = 0; i < w->param_count; i++)
        names[i] = w->params[i].name;
    int error = 0;
    for (size_t i = 0; i < text->setting_count && !error; i++) {
        const char *name = text->settings[i].name;
        size_t known = 0;
        while (name && known < w->param_count && strcmp(names[known], name))
            known++;
        if (name && known < w->param_count)
            continue;
        error = -EINVAL;
        const char *nearest = name ? cmd_nearest(name, names) : NULL;
        if (!name)
            snprintf(why, why_bytes, "'%s' is not PARAMETER=VALUE", text->settings[i].value);
        else if (nearest)
            snprintf(why, why_bytes, "workload %s has no parameter '%s': did you mean '%s'?",
                     w->name, name, nearest);
        else
            snprintf(why, why_bytes,
                     "workload %s has no parameter '%s'; see gcmeter list workloads", w->name,
                     name);
    }
    free(names);
    return error;
}

int workload_spec_parse(struct workload_spec *spec, const struct catalog *catalog, const char *text,
                        char *why, size_t why_bytes)
{
    struct variant_text parsed;
    int error = variant_text_parse(&parsed, text, why, why_bytes);
    if (error)
        return error;
    *spec = (struct workload_spec){.text = xstrdup(text), .params_text = xstrdup("")};
    const struct catalog_workload *w = catalog_any_workload(catalog, parsed.name);
    spec->workload = w;
    if (!w) {
        unknown_workload(catalog, parsed.name, why, why_bytes);
        error = -EINVAL;
    } else {
        error = check_names(w, &parsed, why, why_bytes);
    }
    for (size_t i = 0; !error && i < w->param_count; i++) {
        const struct catalog_param *param = &w->params[i];
        const char *given = variant_text_get(&parsed, param->name);
        uint64_t value = param->default_value;
        if (given)
            error = param_value(param, given, &value, why, why_bytes);
        if (error)
            break;
        char *longer = xprintf("%s%s%s=%" PRIu64, spec->params_text, *spec->params_text ? "," : "",
                               param->name, value);
        free(spec->params_text);
        spec->params_text = longer;
        if (value != param->default_value) {
            struct setting *s = xappend(&spec->key_settings, &spec->key_setting_count, sizeof *s);
            s->name = xstrdup(param->name);
            s->value = xprintf("%" PRIu64, value);
        }
    }
    variant_text_free(&parsed);
    if (error)
        workload_spec_free(spec);
    return error;
}

void workload_spec_free(struct workload_spec *spec)
{
    for (size_t i = 0; i < spec->key_setting_count; i++) {
        free((void *)spec->key_settings[i].name);
        free((void *)spec->key_settings[i].value);
    }
    free(spec->key_settings);
    free(spec->text);
    free(spec->params_text);
    *spec = (struct workload_spec){0};
}
