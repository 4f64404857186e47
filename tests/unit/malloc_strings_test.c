/* strings under audit, its words and their frequencies against a direct count. */
#include "unit/workload_audit.h"

#include "strings.c"

static const struct workload *const subject = &workload_strings;

static void work_is_sound(void **state)
{
    static const uint64_t tried[][3] = {
        {1000, 10, 4096}, {16, 5, 64}, {17, 8, 65536}, {20000, 4, 10000}, {1025, 3, 777},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++)
        audit_any(subject, tried[i], 0);
}

static int compare_words(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void words_are_distinct(void **state)
{
    (void)state;
    enum { WORDS = 50000 };
    static char words[WORDS][LONGEST_WORD + 1];
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct workload_run run = {.seed = seed};
        memset(words, 0, sizeof words);
        for (uint64_t rank = 0; rank < WORDS; rank++) {
            uint32_t length = spell_word(&run, rank, words[rank]);
            assert_int_equal(length, strlen(words[rank]));
            assert_int_equal(length, word_length(rank));
            assert_int_equal(words[rank][0], 'a' + (int)(rank % LETTERS));
        }
        qsort(words, WORDS, sizeof words[0], compare_words);
        for (size_t i = 1; i < WORDS; i++)
            assert_string_not_equal(words[i - 1], words[i]);
    }
    /* The longest, of the largest rank allowed. */
    char letters[LONGEST_WORD];
    struct workload_run run = {.seed = 1};
    assert_int_equal(spell_word(&run, params[VOCABULARY].max - 1, letters), LONGEST_WORD);
}

/* Each octave of ranks has the same part of the words read: frequency falls as 1/rank. */
static void frequencies_are_like_zipfs(void **state)
{
    (void)state;
    enum { OCTAVES = 10, WORDS = (1 << OCTAVES) - 1, TEXTS = 20 };
    static char text[1 << 16];
    uint64_t values[] = {WORDS, 1, sizeof text};
    struct workload_run run = {.params = values, .seed = 1, .threads = 1};
    struct workload_thread thread = {.run = &run};
    static char words[WORDS][LONGEST_WORD + 1];
    unsigned counts[OCTAVES] = {0}, total = 0;
    audit.workload = subject;
    memset(words, 0, sizeof words);
    for (uint64_t rank = 0; rank < WORDS; rank++)
        spell_word(&run, rank, words[rank]);
    for (uint64_t document = 0; document < TEXTS; document++) {
        uint64_t used = write_text(&thread, text, document);
        assert_in_range(used, sizeof text - 2 * LONGEST_WORD - 2, sizeof text);
        text[used - 1] = 0;
        for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "), total++) {
            unsigned rank = 0;
            while (strcmp(words[rank], word) != 0)
                assert_true(++rank < WORDS);
            counts[31 - __builtin_clz(rank + 1)]++;
        }
    }
    assert_true(total > 10000);
    for (unsigned octave = 0; octave < OCTAVES; octave++)
        assert_in_range(counts[octave], total / OCTAVES * 95 / 100, total / OCTAVES * 105 / 100);
}

/* The checksum is that of the texts' words, counted here by comparing letters. */
static void counts_are_those_of_the_text(void **state)
{
    (void)state;
    enum { WORDS = 200, TEXTS = 5 };
    static char text[3000];
    uint64_t values[] = {WORDS, TEXTS, sizeof text};
    struct workload_run run = {.params = values, .seed = 9, .threads = 1};
    struct workload_thread thread = {.run = &run};
    uint64_t expected = 0, read = 0, counts[WORDS] = {0};
    struct audit_result r = audit_run(subject, values, 3, 9);
    for (uint64_t document = 0; document < TEXTS; document++) {
        text[write_text(&thread, text, document) - 1] = 0;
        for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "), read++) {
            for (uint64_t rank = 0; rank < WORDS; rank++) {
                char letters[LONGEST_WORD + 1] = {0};
                spell_word(&run, rank, letters);
                counts[rank] += strcmp(letters, word) == 0;
            }
        }
    }
    uint64_t counted_here = 0;
    for (uint64_t rank = 0; rank < WORDS; rank++) {
        char letters[LONGEST_WORD];
        uint32_t length = spell_word(&run, rank, letters);
        uint64_t hash = 2166136261;
        for (uint32_t i = 0; i < length; i++)
            hash = ((hash ^ (uint64_t)letters[i]) * 16777619) % (UINT64_C(1) << 32);
        expected += rng_mix(hash + rng_mix(counts[rank]));
        counted_here += counts[rank];
    }
    assert_int_equal(counted_here, read);
    assert_int_equal(r.checksum, expected);
    /* Two objects per word known, one per word and text read, and the maps' tables. */
    assert_int_equal(r.allocated_count, 2 * WORDS + read + TEXTS + LETTERS);
}

static void seeds_differ(void **state)
{
    (void)state;
    uint64_t values[] = {100, 5, 500};
    assert_int_not_equal(audit_run(subject, values, 1, 1).checksum,
                         audit_run(subject, values, 1, 2).checksum);
}

static void lost_objects_are_noticed(void **state)
{
    (void)state;
    uint64_t values[] = {1000, 5, 4096};
    assert_true(audit_notices(subject, values, &string_type, 999, 500));
    assert_true(audit_notices(subject, values, &entry_type, 500, 2000));
    assert_true(audit_notices(subject, values, &text_type, 2, 10));
    assert_false(audit_notices(subject, values, &string_type, 1500, 1000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_sound),
        cmocka_unit_test(words_are_distinct),
        cmocka_unit_test(frequencies_are_like_zipfs),
        cmocka_unit_test(counts_are_those_of_the_text),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(lost_objects_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
