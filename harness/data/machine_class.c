#include "data/machine_class.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *machine_class_kernel(char *buffer, const struct run_data *run)
{
    const char *kernel = run_data_key(run, "kernel");
    size_t length = kernel ? strspn(kernel, "0123456789") : 0;
    snprintf(buffer, MACHINE_CLASS_KERNEL_BYTES, "%.*s", (int)length, kernel ? kernel : "");
    return buffer;
}

static const char *known(const char *value)
{
    return value && *value ? value : "unknown";
}

/* Of letters, digits and dots, in lower case, parted by single dashes: no blanks, no slashes, and
 * no dot in front. */
static void make_plain(char *name)
{
    char *to = name;
    for (const char *from = name; *from; from++) {
        unsigned char c = (unsigned char)*from;
        bool is_plain = isalnum(c) || (c == '.' && to > name && to[-1] != '-');
        if (is_plain)
            *to++ = (char)tolower(c);
        else if (to > name && to[-1] != '-')
            *to++ = '-';
    }
    while (to > name && to[-1] == '-')
        to--;
    *to = '\0';
}

char *machine_class_format(const struct run_data *run)
{
    char kernel[MACHINE_CLASS_KERNEL_BYTES];
    char *name;
    if (asprintf(&name, "%s-%s-cores-linux-%s", known(run_data_key(run, "cpu_model")),
                 known(run_data_key(run, "cores")), known(machine_class_kernel(kernel, run))) < 0)
        return NULL;
    make_plain(name);
    return name;
}
