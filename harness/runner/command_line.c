#include "command_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "named_values.h"

const char command_line_help[] =
    "--describe\n"
    "    what this runner is, as key,value CSV\n"
    "--live-bytes --workload W [--params P] [--threads N]\n"
    "    the workload's stated live set, in bytes\n"
    "--run --workload W [--params P] [--options O] [--threads N] [--heap-limit BYTES]\n"
    "      [--memory-cap BYTES] [--warmup N] [--iterations N] [--seed N] [--record 0|1]\n"
    "      [--records FD] [--event-log FD] [--probe 0|1]\n"
    "    one invocation; records go to descriptor FD (default 1), stops and collections to that "
    "of\n"
    "    --event-log; --probe 1 in a probe runner, and only there; --record 0 measures times only\n"
    "P and O are name=value pairs joined by commas.\n";

static const struct {
    const char *word;
    enum runner_call call;
} calls[] = {
    {"--help", RUNNER_CALL_HELP},
    {"--describe", RUNNER_CALL_DESCRIBE},
    {"--live-bytes", RUNNER_CALL_LIVE_BYTES},
    {"--run", RUNNER_CALL_RUN},
};

#define LIVE_OR_RUN (RUNNER_CALL_LIVE_BYTES | RUNNER_CALL_RUN)
#define FIELD(name) offsetof(struct command_line, name)

static const struct word {
    const char *word;
    unsigned calls; /* in which it may stand */
    bool is_text;
    size_t field;
    uint64_t min, max; /* unless it is a text */
} words[] = {
    {"--workload", LIVE_OR_RUN, true, FIELD(workload), 0, 0},
    {"--params", LIVE_OR_RUN, true, FIELD(params), 0, 0},
    {"--threads", LIVE_OR_RUN, false, FIELD(threads), 1, 1024},
    {"--options", RUNNER_CALL_RUN, true, FIELD(options), 0, 0},
    {"--heap-limit", RUNNER_CALL_RUN, false, FIELD(heap_limit_bytes), 0, INT64_MAX},
    {"--memory-cap", RUNNER_CALL_RUN, false, FIELD(memory_cap_bytes), 0, INT64_MAX},
    {"--warmup", RUNNER_CALL_RUN, false, FIELD(warmup), 0, 1000000},
    {"--iterations", RUNNER_CALL_RUN, false, FIELD(iterations), 1, 1000000},
    {"--seed", RUNNER_CALL_RUN, false, FIELD(seed), 0, UINT64_MAX},
    {"--probe", RUNNER_CALL_RUN, false, FIELD(probe), 0, 1},
    {"--record", RUNNER_CALL_RUN, false, FIELD(record), 0, 1},
    {"--records", RUNNER_CALL_RUN, false, FIELD(records_fd), 0, INT32_MAX},
    {"--event-log", RUNNER_CALL_RUN, false, FIELD(event_log_fd), 0, INT32_MAX},
};

#define WORDS (sizeof words / sizeof words[0])

static int parse_call(int argc, char **argv, struct command_line *line, char *why, size_t why_bytes)
{
    for (size_t i = 0; argc > 1 && i < sizeof calls / sizeof calls[0]; i++)
        if (strcmp(argv[1], calls[i].word) == 0) {
            line->call = calls[i].call;
            return 0;
        }
    snprintf(why, why_bytes, "%s: the first word must be --describe, --live-bytes, --run or --help",
             argc > 1 ? argv[1] : "no call");
    return -EINVAL;
}

/* The word `text` of this call, or WORDS. */
static size_t find_word(const char *text, enum runner_call call)
{
    size_t i = 0;
    while (i < WORDS && (strcmp(text, words[i].word) != 0 || !(words[i].calls & call)))
        i++;
    return i;
}

/* Stores the value `text` of a word. 0, or -EINVAL with one line in `why`. */
static int take_value(const struct word *word, const char *text, struct command_line *line,
                      char *why, size_t why_bytes)
{
    void *field = (char *)line + word->field;
    uint64_t number;
    if (word->is_text) {
        *(const char **)field = text;
        return 0;
    }
    if (named_values_unsigned(text, strlen(text), &number) && number >= word->min &&
        number <= word->max) {
        *(uint64_t *)field = number;
        return 0;
    }
    snprintf(why, why_bytes, "%s %s: not an integer from %" PRIu64 " to %" PRIu64, word->word, text,
             word->min, word->max);
    return -EINVAL;
}

int command_line_parse(int argc, char **argv, struct command_line *line, char *why,
                       size_t why_bytes)
{
    bool given[WORDS] = {false};
    *line = (struct command_line){
        .workload = "",
        .params = "",
        .options = "",
        .threads = 1,
        .warmup = 1,
        .iterations = 1,
        .seed = 1,
        .record = 1,
        .records_fd = 1,
        .event_log_fd = COMMAND_LINE_NO_FD,
    };
    int result = parse_call(argc, argv, line, why, why_bytes);
    if (result)
        return result;

    for (int i = 2; i < argc; i += 2) {
        size_t w = find_word(argv[i], line->call);
        if (w == WORDS) {
            snprintf(why, why_bytes, "%s is no word of %s; see --help", argv[i], argv[1]);
            return -EINVAL;
        }
        if (i + 1 == argc || given[w]) {
            snprintf(why, why_bytes, "%s: %s", argv[i],
                     given[w] ? "given twice" : "its value is missing");
            return -EINVAL;
        }
        given[w] = true;
        result = take_value(&words[w], argv[i + 1], line, why, why_bytes);
        if (result)
            return result;
    }
    if ((line->call & LIVE_OR_RUN) && !line->workload[0]) {
        snprintf(why, why_bytes, "%s needs --workload NAME; --describe lists them", argv[1]);
        return -EINVAL;
    }
    return 0;
}
