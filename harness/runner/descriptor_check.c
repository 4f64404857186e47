#include "descriptor_check.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/errors.h"
#include "flavour.h"
#include "named_values.h"
#include "open_loop.h"

/* Names stand in cell keys and file names. */
static bool is_name(const char *name)
{
    return name && name[0] && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static bool is_line(const char *text)
{
    return text && text[0] && !strpbrk(text, "\r\n");
}

static int check_option(const struct gc_backend *backend, size_t index, char *why, size_t why_bytes)
{
    const struct gc_option *option = &backend->options[index];
    if (!is_name(option->name))
        return errors_refuse(why, why_bytes, "backend %s: option %zu has no proper name",
                             backend->name, index);
    for (size_t i = 0; i < index; i++)
        if (strcmp(backend->options[i].name, option->name) == 0)
            return errors_refuse(why, why_bytes, "backend %s: two options are named %s",
                                 backend->name, option->name);
    if (!option->unit || !is_line(option->help))
        return errors_refuse(why, why_bytes, "backend %s: option %s lacks its unit or help",
                             backend->name, option->name);
    if ((option->kind == GC_OPTION_CHOICE) != (option->choices != NULL))
        return errors_refuse(why, why_bytes,
                             "backend %s: option %s: choices are for kind choice only",
                             backend->name, option->name);
    if (option->default_value < named_values_option_min(option) ||
        option->default_value > named_values_option_max(option))
        return errors_refuse(why, why_bytes, "backend %s: option %s: its default is out of bounds",
                             backend->name, option->name);
    return 0;
}

static int check_flavours(const struct gc_backend *backend, const char *flavours, char *why,
                          size_t why_bytes)
{
    struct flavour flavour;
    int64_t values[NAMED_VALUES_MAX];
    bool given[NAMED_VALUES_MAX];
    const char *words = flavours;
    int more;
    while ((more = flavour_next(&words, &flavour)) > 0) {
        char own[64];
        char reason[256];
        int length = (int)flavour.name_bytes;
        snprintf(own, sizeof own, "%.*s", length, flavour.name);
        if (!is_name(own) ||
            named_values_options(backend->options, backend->option_count, "", values, given, reason,
                                 sizeof reason) ||
            flavour_apply(flavours, own, backend->options, backend->option_count, values, given,
                          reason, sizeof reason))
            return errors_refuse(why, why_bytes,
                                 "backend %s: flavour '%.*s' in backends.def is not right",
                                 backend->name, length, flavour.name);
    }
    if (more < 0)
        return errors_refuse(why, why_bytes,
                             "backend %s: a flavour in backends.def is not "
                             "NAME:OPTION=VALUE",
                             backend->name);
    return 0;
}

int descriptor_check_backend(const struct gc_backend *backend, const char *folder,
                             const char *flavours, char *why, size_t why_bytes)
{
    if (!is_name(backend->name) || strcmp(backend->name, folder) != 0)
        return errors_refuse(why, why_bytes, "backend %s: its descriptor is named '%s'", folder,
                             backend->name ? backend->name : "");
    if (!is_line(backend->summary))
        return errors_refuse(why, why_bytes, "backend %s: its summary is not one line",
                             backend->name);
    const struct gc_facts *facts = &backend->facts;
    const char *const lines[] = {facts->allocation, facts->scanning, facts->interior,
                                 facts->zeroing,    facts->markers,  facts->initial_heap,
                                 facts->limit};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (lines[i] && !is_line(lines[i]))
            return errors_refuse(why, why_bytes, "backend %s: a fact of it is not one line",
                                 backend->name);
    if (!backend->version || !backend->header_version || !backend->init || !backend->attach ||
        !backend->detach || !backend->enter_blocked || !backend->leave_blocked ||
        !backend->type_register || !backend->roots_add || !backend->roots_remove ||
        !backend->collect || !backend->stats || !backend->reset_peak)
        return errors_refuse(why, why_bytes, "backend %s: a function is missing in its descriptor",
                             backend->name);
    if (!(backend->capabilities & GC_CAN_VERIFY) != !backend->verify)
        return errors_refuse(why, why_bytes, "backend %s: it has verify() or says so, not both",
                             backend->name);
    if (backend->option_count > NAMED_VALUES_MAX)
        return errors_refuse(why, why_bytes, "backend %s: more than %d options", backend->name,
                             NAMED_VALUES_MAX);
    for (size_t i = 0; i < backend->option_count; i++) {
        int error = check_option(backend, i, why, why_bytes);
        if (error)
            return error;
    }
    return check_flavours(backend, flavours, why, why_bytes);
}

static int check_param(const struct workload *workload, size_t index, char *why, size_t why_bytes)
{
    static const char *const units[] = {"count", "bytes", "per_s", "permille", "flag"};
    const struct workload_param *param = &workload->params[index];
    if (!is_name(param->name))
        return errors_refuse(why, why_bytes, "workload %s: parameter %zu has no proper name",
                             workload->name, index);
    for (size_t i = 0; i < index; i++)
        if (strcmp(workload->params[i].name, param->name) == 0)
            return errors_refuse(why, why_bytes, "workload %s: two parameters are named %s",
                                 workload->name, param->name);
    bool unit_known = false;
    for (size_t i = 0; param->unit && i < sizeof units / sizeof units[0]; i++)
        unit_known |= strcmp(units[i], param->unit) == 0;
    if (!unit_known || !is_line(param->help))
        return errors_refuse(why, why_bytes, "workload %s: parameter %s lacks its unit or help",
                             workload->name, param->name);
    bool too_wide = strcmp(param->unit, "flag") == 0 && (param->min != 0 || param->max != 1);
    if (too_wide || param->default_value < param->min || param->default_value > param->max)
        return errors_refuse(why, why_bytes,
                             "workload %s: parameter %s: its bounds or default are wrong",
                             workload->name, param->name);
    return 0;
}

/* Whether the part holds all words of its pointer map. */
static bool map_fits(uint64_t pointers, uint32_t bytes)
{
    return bytes / sizeof(void *) >= 64 || pointers >> (bytes / sizeof(void *)) == 0;
}

static int check_type(const struct workload *workload, const struct gc_type *type, char *why,
                      size_t why_bytes)
{
    if (!is_line(type->name))
        return errors_refuse(why, why_bytes, "workload %s: a type has no name", workload->name);
    bool aligned =
        type->fixed_bytes % sizeof(void *) == 0 && type->element_bytes % sizeof(void *) == 0;
    if ((!gc_type_is_leaf(type) && !aligned) ||
        !map_fits(type->fixed_pointers, type->fixed_bytes) ||
        !map_fits(type->element_pointers, type->element_bytes))
        return errors_refuse(why, why_bytes,
                             "workload %s: type %s: pointers outside of whole words",
                             workload->name, type->name);
    return 0;
}

int descriptor_check_workload(const struct workload *workload, char *why, size_t why_bytes)
{
    if (!is_name(workload->name))
        return errors_refuse(why, why_bytes, "a workload has no proper name");
    if (!is_line(workload->summary) || !is_line(workload->operation) || !workload->types ||
        !workload->live_bytes || !workload->iterate)
        return errors_refuse(why, why_bytes, "workload %s: something is missing in its descriptor",
                             workload->name);
    if (workload->param_count > NAMED_VALUES_MAX)
        return errors_refuse(why, why_bytes, "workload %s: more than %d parameters", workload->name,
                             NAMED_VALUES_MAX);
    uint64_t params[NAMED_VALUES_MAX];
    for (size_t i = 0; i < workload->param_count; i++) {
        int error = check_param(workload, i, why, why_bytes);
        if (error)
            return error;
        params[i] = workload->params[i].default_value;
    }
    for (struct gc_type *const *type = workload->types; *type; type++) {
        int error = check_type(workload, *type, why, why_bytes);
        if (error)
            return error;
    }
    const char *unscheduled = open_loop_refusal(workload);
    if (unscheduled)
        return errors_refuse(why, why_bytes, "workload %s: %s", workload->name, unscheduled);
    const struct workload_run run = {.params = params, .seed = 1, .threads = 1};
    const char *refusal = workload->check ? workload->check(&run) : NULL;
    if (refusal)
        return errors_refuse(why, why_bytes, "workload %s refuses its own defaults: %s",
                             workload->name, refusal);
    return 0;
}
