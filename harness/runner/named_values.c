#include "named_values.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/errors.h"

/* A piece of the text, not terminated. */
struct piece {
    const char *start;
    size_t length;
};

struct pair {
    struct piece name;
    struct piece value;
    struct piece whole;
};

/* Until one is read. */
#define NO_PAIR ((struct pair){{"", 0}, {"", 0}, {"", 0}})

/* The arguments of "%.*s". */
#define PIECE(piece) (int)((piece).length), (piece).start

static bool piece_is(struct piece piece, const char *word)
{
    return strlen(word) == piece.length && memcmp(word, piece.start, piece.length) == 0;
}

bool named_values_unsigned(const char *text, size_t length, uint64_t *value)
{
    uint64_t result = 0;
    if (length == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        unsigned digit = (unsigned)(text[i] - '0');
        if (result > (UINT64_MAX - digit) / 10)
            return false;
        result = result * 10 + digit;
    }
    *value = result;
    return true;
}

static bool parse_signed(struct piece piece, int64_t *value)
{
    bool negative = piece.length > 0 && piece.start[0] == '-';
    uint64_t magnitude;
    if (!named_values_unsigned(piece.start + negative, piece.length - negative, &magnitude) ||
        magnitude > (uint64_t)INT64_MAX)
        return false;
    *value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}

const char *named_values_choice(const char *choices, int64_t index, size_t *length)
{
    for (const char *word = choices;; word += *length + 1) {
        *length = strcspn(word, "|");
        if (index-- == 0)
            return word;
        if (word[*length] == '\0')
            return NULL;
    }
}

int64_t named_values_option_min(const struct gc_option *option)
{
    return option->kind == GC_OPTION_FLAG || option->kind == GC_OPTION_CHOICE ? 0 : option->min;
}

int64_t named_values_option_max(const struct gc_option *option)
{
    if (option->kind == GC_OPTION_FLAG)
        return 1;
    if (option->kind != GC_OPTION_CHOICE)
        return option->max;
    int64_t last = 0;
    for (const char *c = option->choices; *c; c++)
        last += *c == '|';
    return last;
}

/* Takes the next pair off *text: 1, 0 at the end, or -EINVAL. */
static int next_pair(const char **text, struct pair *pair, char *why, size_t why_bytes)
{
    if (!*text || **text == '\0')
        return 0;
    pair->whole = (struct piece){*text, strcspn(*text, ",")};
    const char *equals = memchr(*text, '=', pair->whole.length);
    if (!equals || equals == *text)
        return errors_refuse(why, why_bytes, "'%.*s' is not name=value", PIECE(pair->whole));
    pair->name = (struct piece){*text, (size_t)(equals - *text)};
    pair->value = (struct piece){equals + 1, pair->whole.length - pair->name.length - 1};
    *text += pair->whole.length;
    if (**text == ',' && *++*text == '\0')
        return errors_refuse(why, why_bytes, "nothing follows the last comma");
    return 1;
}

/* Whether the name of `pair` stood before it in the text from `start` on. */
static bool named_before(const char *start, const struct pair *pair)
{
    char unused[1];
    struct pair earlier = NO_PAIR;
    for (const char *rest = start; next_pair(&rest, &earlier, unused, sizeof unused) > 0;) {
        if (earlier.whole.start == pair->whole.start)
            return false;
        if (earlier.name.length == pair->name.length &&
            memcmp(earlier.name.start, pair->name.start, pair->name.length) == 0)
            return true;
    }
    return false;
}

static int parse_param(const struct workload *workload, const struct pair *pair, uint64_t *values,
                       char *why, size_t why_bytes)
{
    size_t i = 0;
    while (i < workload->param_count && !piece_is(pair->name, workload->params[i].name))
        i++;
    if (i == workload->param_count)
        return errors_refuse(why, why_bytes, "workload %s has no parameter '%.*s'", workload->name,
                             PIECE(pair->name));
    const struct workload_param *param = &workload->params[i];
    if (!named_values_unsigned(pair->value.start, pair->value.length, &values[i]) ||
        values[i] < param->min || values[i] > param->max)
        return errors_refuse(why, why_bytes,
                             "parameter %.*s: not an integer from %" PRIu64 " to %" PRIu64 " (%s)",
                             PIECE(pair->whole), param->min, param->max, param->unit);
    return 0;
}

int named_values_params(const struct workload *workload, const char *text, uint64_t *values,
                        char *why, size_t why_bytes)
{
    const char *start = text;
    struct pair pair = NO_PAIR;
    for (size_t i = 0; i < workload->param_count; i++)
        values[i] = workload->params[i].default_value;
    for (;;) {
        int result = next_pair(&text, &pair, why, why_bytes);
        if (result <= 0)
            return result;
        if (named_before(start, &pair))
            return errors_refuse(why, why_bytes, "parameter %.*s: given twice", PIECE(pair.name));
        result = parse_param(workload, &pair, values, why, why_bytes);
        if (result)
            return result;
    }
}

static int parse_choice(const struct gc_option *option, const struct pair *pair, int64_t *value,
                        char *why, size_t why_bytes)
{
    size_t length;
    const char *word;
    for (int64_t i = 0; (word = named_values_choice(option->choices, i, &length)); i++)
        if (length == pair->value.length && memcmp(word, pair->value.start, length) == 0) {
            *value = i;
            return 0;
        }
    return errors_refuse(why, why_bytes, "option %.*s: not one of %s", PIECE(pair->whole),
                         option->choices);
}

static int parse_option(const struct gc_option *option, const struct pair *pair, int64_t *value,
                        char *why, size_t why_bytes)
{
    if (option->kind == GC_OPTION_CHOICE)
        return parse_choice(option, pair, value, why, why_bytes);
    int64_t min = named_values_option_min(option);
    int64_t max = named_values_option_max(option);
    if (!parse_signed(pair->value, value) || *value < min || *value > max)
        return errors_refuse(
            why, why_bytes, "option %.*s: not an integer from %" PRId64 " to %" PRId64 "%s%s",
            PIECE(pair->whole), min, max, option->unit[0] ? " " : "", option->unit);
    return 0;
}

int named_values_options(const struct gc_option *options, size_t count, const char *text,
                         int64_t *values, bool *given, char *why, size_t why_bytes)
{
    const char *start = text;
    struct pair pair = NO_PAIR;
    for (size_t i = 0; i < count; i++) {
        values[i] = options[i].default_value;
        if (given)
            given[i] = false;
    }
    for (;;) {
        int result = next_pair(&text, &pair, why, why_bytes);
        if (result <= 0)
            return result;
        size_t i = 0;
        while (i < count && !piece_is(pair.name, options[i].name))
            i++;
        if (i == count)
            return errors_refuse(why, why_bytes, "the backend has no option '%.*s'",
                                 PIECE(pair.name));
        if (named_before(start, &pair))
            return errors_refuse(why, why_bytes, "option %.*s: given twice", PIECE(pair.name));
        result = parse_option(&options[i], &pair, &values[i], why, why_bytes);
        if (result)
            return result;
        if (given)
            given[i] = true;
    }
}
