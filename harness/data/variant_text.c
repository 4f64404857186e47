#include "data/variant_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BYTES  "abcdefghijklmnopqrstuvwxyz0123456789_"
#define PLAIN_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-"

void variant_text_encode(FILE *out, const char *value)
{
    for (; *value; value++) {
        if (strchr(PLAIN_BYTES, *value))
            fputc(*value, out);
        else
            fprintf(out, "%%%02X", (unsigned char)*value);
    }
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)((at - digits) % 16) : -1;
}

/* In place, since the result is never longer. A NUL byte cannot be written. */
static int decode(char *text)
{
    char *out = text;
    for (const char *in = text; *in; in++) {
        if (*in != '%') {
            *out++ = *in;
            continue;
        }
        int high = hex_digit(in[1]);
        int low = high < 0 ? -1 : hex_digit(in[2]);
        if (low < 0 || high * 16 + low == 0)
            return -EINVAL;
        *out++ = (char)(high * 16 + low);
        in += 2;
    }
    *out = '\0';
    return 0;
}

static int parse_setting(struct variant_text *variant, char *text, char *why, size_t why_bytes)
{
    struct setting setting = {.name = NULL, .value = text};
    char *equals = strchr(text, '=');
    if (equals) {
        *equals = '\0';
        setting.name = text;
        setting.value = equals + 1;
    }
    if (*text == '\0' || decode(text) || (equals && decode(equals + 1))) {
        snprintf(why, why_bytes,
                 *text ? "'%s' has a %% that is not followed by two hex digits"
                       : "a setting of '%s' is empty",
                 *text ? text : variant->name);
        return -EINVAL;
    }
    if (variant_text_get(variant, setting.name)) {
        if (setting.name)
            snprintf(why, why_bytes, "'%s' is set twice", setting.name);
        else
            snprintf(why, why_bytes, "'%s' is a second word without '='", text);
        return -EINVAL;
    }
    variant->settings[variant->setting_count++] = setting;
    return 0;
}

int variant_text_parse(struct variant_text *variant, const char *text, char *why, size_t why_bytes)
{
    *variant = (struct variant_text){0};
    size_t name_length = strspn(text, WORD_BYTES);
    if (name_length == 0 || (text[name_length] != '\0' && text[name_length] != ':')) {
        snprintf(why, why_bytes, "'%s' is not NAME or NAME:SETTING=VALUE,…", text);
        return -EINVAL;
    }
    size_t settings_max = 1;
    for (const char *at = text; (at = strchr(at, ',')); at++)
        settings_max++;
    variant->storage = strdup(text);
    variant->settings = calloc(settings_max, sizeof *variant->settings);
    if (!variant->storage || !variant->settings) {
        snprintf(why, why_bytes, "out of memory");
        variant_text_free(variant);
        return -ENOMEM;
    }
    char *rest = variant->storage + name_length;
    bool has_settings = *rest == ':';
    *rest++ = '\0';
    variant->name = variant->storage;
    while (has_settings) {
        char *comma = strchr(rest, ',');
        if (comma)
            *comma = '\0';
        int error = parse_setting(variant, rest, why, why_bytes);
        if (error) {
            variant_text_free(variant);
            return error;
        }
        has_settings = comma != NULL;
        rest = comma + 1;
    }
    return 0;
}

void variant_text_free(struct variant_text *variant)
{
    free(variant->settings);
    free(variant->storage);
    *variant = (struct variant_text){0};
}

const char *variant_text_get(const struct variant_text *variant, const char *name)
{
    for (size_t i = 0; i < variant->setting_count; i++) {
        const struct setting *setting = &variant->settings[i];
        if (name ? setting->name && strcmp(setting->name, name) == 0 : !setting->name)
            return setting->value;
    }
    return NULL;
}
