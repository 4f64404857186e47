/* The order of a run is a permutation per round, drawn from the seed; padding stays within a page;
 * suites name what exists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/plan.h"
#include "driver/runner_env.h"
#include "driver/suite.h"

enum { CELLS = 12, ROUNDS = 400 };

static void each_round_is_a_permutation_of_the_runnable_cells(void **state)
{
    (void)state;
    struct plan_cell cells[CELLS] = {{0}};
    char reason[] = "not here";
    cells[3].skip = reason;
    struct plan plan = {.cells = cells, .cell_count = CELLS, .runnable_count = CELLS - 1};
    unsigned first_counts[CELLS] = {0};
    unsigned equal_count = 0;
    size_t before[CELLS] = {0};
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t order[CELLS], again[CELLS];
        bool seen[CELLS] = {false};
        plan_order(&plan, 77, round, order);
        plan_order(&plan, 77, round, again);
        assert_memory_equal(order, again, (CELLS - 1) * sizeof *order);
        for (size_t i = 0; i < CELLS - 1; i++) {
            assert_in_range(order[i], 0, CELLS - 1);
            assert_false(seen[order[i]]);
            seen[order[i]] = true;
        }
        assert_false(seen[3]);
        first_counts[order[0]]++;
        equal_count += !memcmp(order, before, (CELLS - 1) * sizeof *order);
        memcpy(before, order, sizeof before);
    }
    assert_int_equal(equal_count, 0);
    /* 36 expected each; 6 standard deviations either way. The seed is fixed, so it cannot flake. */
    for (size_t i = 0; i < CELLS; i++)
        if (i != 3)
            assert_in_range(first_counts[i], 2, 71);
}

static void padding_stays_below_a_page_and_varies(void **state)
{
    (void)state;
    size_t least = SIZE_MAX, most = 0;
    for (uint64_t position = 0; position < 1000; position++) {
        size_t bytes = plan_padding(5, position);
        assert_int_equal(bytes, plan_padding(5, position));
        least = bytes < least ? bytes : least;
        most = bytes > most ? bytes : most;
    }
    assert_in_range(least, 0, 200);
    assert_in_range(most, RUNNER_ENV_PADDING_BYTES - 200, RUNNER_ENV_PADDING_BYTES - 1);
}

static const char *find(char **environment, const char *prefix)
{
    for (; *environment; environment++)
        if (!strncmp(*environment, prefix, strlen(prefix)))
            return *environment + strlen(prefix);
    return NULL;
}

static void a_runner_gets_padding_and_its_library_folder(void **state)
{
    (void)state;
    setenv("LD_LIBRARY_PATH", "/before", 1);
    setenv("GCMETER_PADDING", "old", 1);
    char **environment = runner_env_create("/mine", 100);
    assert_int_equal(strlen(find(environment, "GCMETER_PADDING=")), 100);
    assert_string_equal(find(environment, "LD_LIBRARY_PATH="), "/mine:/before");
    runner_env_free(environment);
    unsetenv("LD_LIBRARY_PATH");
    unsetenv("GCMETER_PADDING");
    environment = runner_env_create(NULL, 0);
    assert_string_equal(find(environment, "GCMETER_PADDING="), "");
    assert_null(find(environment, "LD_LIBRARY_PATH="));
    runner_env_free(environment);
}

static void suite_rows_belong_to_suites_and_name_known_backends(void **state)
{
    (void)state;
    static const char names[] = " "
#define BACKEND(folder, flavours, header, libraries, package, summary) #folder " "
#include "backends.def"
#undef BACKEND
        ;
    for (size_t i = 0; i < suite_row_count; i++) {
        assert_non_null(suite_find(suite_rows[i].suite));
        char *words = strdup(suite_rows[i].backends);
        for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
            char padded[128];
            snprintf(padded, sizeof padded, " %.*s ", (int)strcspn(word, ":"), word);
            if (!strstr(names, padded))
                fail_msg("suite %s names '%s'", suite_rows[i].suite, word);
        }
        free(words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_round_is_a_permutation_of_the_runnable_cells),
        cmocka_unit_test(padding_stays_below_a_page_and_varies),
        cmocka_unit_test(a_runner_gets_padding_and_its_library_folder),
        cmocka_unit_test(suite_rows_belong_to_suites_and_name_known_backends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
