/* strings: the words of a text counted in a hash map.
 *
 * Stands for the programs that most of text processing is made of (word frequencies, log analysis,
 * symbol tables of compilers): every word of the input becomes a string object, is looked up, and
 * dropped since the map has it already. The map is first filled with the `vocabulary` words, whose
 * strings it interns; it grows by doubling meanwhile. Then `documents` texts of `bytes` bytes are
 * generated, cut into words, and each word is counted. Words are drawn by a distribution like
 * Zipf's: the octave of the word's rank evenly, the rank within it evenly, so the frequency falls
 * as 1/rank, in steps; short words are frequent. Hashes (FNV-1a) are of the letters, never of
 * addresses.
 *
 * There is one map for each of the 16 first letters that words have. With several threads the maps
 * are filled by turns, the documents divided, the counters incremented atomically, and the maps
 * read and dropped by turns again.
 *
 * Stresses: many short-lived small leaf objects beside a live map of small objects linked by
 * pointers, tables of pointers that grow, stores of new entries into old tables. Does not stress:
 * change of the live set after it has been built, cycles, deep structures; the generation of the
 * text is part of the time, as reading it would be.
 *
 * Live set, with string(r) the 8 + length bytes of word r rounded up to 16, and t(i) the words with
 * first letter number i rounded up to a power of two of at least 64:
 *     sum over words r of (32 + string(r)) + sum over letters i of 8 t(i)
 *         + threads * max(bytes + longest string, 8 / 2 largest t(i))
 * the last term being a document and a word of it, or a table about to be outgrown.
 *
 * A good collector takes words at the speed of a bump or free-list allocation, never scans letters
 * and does not mark the map at each turn more often than its heap makes it. A bad one scans the
 * document and the strings, or touches the whole map again for a few MB of dropped words.
 */
#include <string.h>

#include "base/rng.h"
#include "gc.h"
#include "workload.h"

enum { VOCABULARY, DOCUMENTS, BYTES };

static const struct workload_param params[] = {
    [VOCABULARY] = {"vocabulary", "count", 100000, 16, UINT64_C(1) << 30, "distinct words"},
    [DOCUMENTS] = {"documents", "count", 400, 1, 1000000000,
                   "texts read per iteration, all threads together"},
    [BYTES] = {"bytes", "bytes", 65536, 64, UINT64_C(1) << 30, "length of a text"},
};

#define LETTERS 16 /* first letters, each of which has a map of its own */
#define DIGITS  20 /* consonants that follow, each with a vowel behind */
#define VOWELS  5
/* 1 letter, and 2 for each base-20 digit of a number below 2^26. */
#define LONGEST_WORD 15
/* Entries of a new map. */
#define LEAST_CAPACITY 64
/* Words or table slots handled between two safepoints. */
#define CHUNK_WORDS 64
#define CHUNK_SLOTS 256
/* Words entered into the maps that make one operation; afterwards it is one document. */
#define OPERATION_WORDS 1000

_Static_assert(LETTERS <= WORKLOAD_ROOTS, "one root per map");

struct string {
    uint32_t length;
    uint32_t hash;
    char letters[];
};

struct entry {
    struct entry *next; /* in the same bucket */
    struct string *word;
    uint64_t count;
    uint64_t hash;
};

static struct gc_type text_type = GC_TYPE_LEAF("text");
static struct gc_type string_type = GC_TYPE_LEAF("string");
static struct gc_type entry_type = GC_TYPE_RECORD(
    struct entry, GC_POINTER_BIT(struct entry, next) | GC_POINTER_BIT(struct entry, word));
static struct gc_type table_type = GC_TYPE_POINTER_ARRAY("table of a map");

static struct gc_type *const types[] = {&text_type, &string_type, &entry_type, &table_type, NULL};

/* The map of a letter: its table, of `capacity` buckets, is in run->roots. */
static struct {
    uint64_t count;
    uint64_t capacity;
} maps[LETTERS];

/* Words counted by all threads in this iteration, less those found in maps when they are dropped.
 */
static uint64_t counted;

/* Word number `rank`, from 0, begins with letter rank % 16. The rest of the rank is written in
 * base 20, a consonant for each digit; vowels, by the seed, do not distinguish words. */
static uint32_t word_length(uint64_t rank)
{
    uint32_t length = 1;
    for (uint64_t rest = rank / LETTERS; rest > 0; rest /= DIGITS)
        length += 2;
    return length;
}

static uint32_t spell_word(const struct workload_run *run, uint64_t rank, char *letters)
{
    static const char consonants[DIGITS + 1] = "bcdfghjklmnpqrstvwxz";
    static const char vowels[VOWELS + 1] = "aeiou";
    uint64_t choice = rng_mix(run->seed ^ rng_mix(rank)) >> 16;
    uint32_t length = 0;
    letters[length++] = (char)('a' + rank % LETTERS);
    for (uint64_t rest = rank / LETTERS; rest > 0; rest /= DIGITS, choice /= VOWELS) {
        letters[length++] = consonants[rest % DIGITS];
        letters[length++] = vowels[choice % VOWELS];
    }
    return length;
}

/* Any size would do; the contract's alignment makes it this one in any case. */
static uint64_t string_bytes(uint32_t length)
{
    return (sizeof(struct string) + length + 15) / 16 * 16;
}

/* Words that begin with letter number `letter`. */
static uint64_t words_of(const struct workload_run *run, uint64_t letter)
{
    return (run->params[VOCABULARY] + LETTERS - 1 - letter) / LETTERS;
}

static uint64_t final_capacity(uint64_t words)
{
    uint64_t capacity = LEAST_CAPACITY;
    while (capacity < words)
        capacity *= 2;
    return capacity;
}

static uint64_t live_bytes(const struct workload_run *run)
{
    uint64_t vocabulary = run->params[VOCABULARY];
    uint64_t bytes = vocabulary * sizeof(struct entry);
    /* Words of one length follow each other. */
    for (uint64_t rank = 0, next = LETTERS; rank < vocabulary; rank = next, next *= DIGITS)
        bytes += ((next < vocabulary ? next : vocabulary) - rank) * string_bytes(word_length(rank));
    for (uint64_t letter = 0; letter < LETTERS; letter++)
        bytes += final_capacity(words_of(run, letter)) * sizeof(struct entry *);
    uint64_t outgrown = final_capacity(words_of(run, 0)) / 2 * sizeof(struct entry *);
    uint64_t document = run->params[BYTES] + string_bytes(LONGEST_WORD);
    return bytes + run->threads * (document > outgrown ? document : outgrown);
}

static uint32_t hash_letters(const char *letters, uint32_t length)
{
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)letters[i]) * 16777619u;
    return hash;
}

static struct string *make_string(struct workload_thread *thread, const char *letters,
                                  uint32_t length)
{
    uint64_t bytes = string_bytes(length);
    struct string *string = gc_alloc(thread->mutator, &string_type, bytes);
    memcpy(string->letters, letters, length);
    string->length = length;
    string->hash = hash_letters(letters, length);
    return string;
}

static void free_string(struct gc_mutator *m, struct string *string)
{
    if (GC_RECLAIMS_BY_HAND)
        gc_free(m, string, string_bytes(string->length));
}

static struct entry *find(const struct workload_run *run, const struct string *word)
{
    unsigned letter = (unsigned)(word->letters[0] - 'a') % LETTERS;
    struct entry *const *table = run->roots[letter];
    struct entry *entry = table[word->hash & (maps[letter].capacity - 1)];
    while (entry != NULL && (entry->hash != word->hash || entry->word->length != word->length ||
                             memcmp(entry->word->letters, word->letters, word->length) != 0))
        entry = entry->next;
    return entry;
}

/* Doubles the table of a map and moves its entries. */
static __attribute__((noinline)) void grow_map(struct workload_thread *thread, unsigned letter)
{
    struct gc_mutator *m = thread->mutator;
    uint64_t old_capacity = maps[letter].capacity;
    uint64_t capacity = old_capacity ? 2 * old_capacity : LEAST_CAPACITY;
    struct entry **table = gc_alloc_zeroed(m, &table_type, capacity * sizeof *table);
    struct entry **old_table = thread->run->roots[letter];
    for (uint64_t slot = 0; slot < old_capacity; slot++) {
        for (struct entry *entry = old_table[slot], *next; entry != NULL; entry = next) {
            next = entry->next;
            struct entry **bucket = &table[entry->hash & (capacity - 1)];
            gc_store(m, entry, entry->next, *bucket);
            gc_store(m, table, *bucket, entry);
        }
        gc_store(m, old_table, old_table[slot], NULL);
        if (slot % CHUNK_SLOTS == 0)
            gc_safepoint(m);
    }
    gc_init_field(thread->run->roots[letter], (void *)table);
    maps[letter].capacity = capacity;
    gc_free(m, old_table, old_capacity * sizeof *old_table);
    workload_allocated(thread, capacity * sizeof *table, 1);
}

/* Interns a word that the map does not have. */
static __attribute__((noinline)) void enter_word(struct workload_thread *thread, uint64_t rank)
{
    struct gc_mutator *m = thread->mutator;
    unsigned letter = rank % LETTERS;
    char letters[LONGEST_WORD];
    uint32_t length = spell_word(thread->run, rank, letters);
    if (maps[letter].count == maps[letter].capacity)
        grow_map(thread, letter);
    struct string *word = make_string(thread, letters, length);
    if (find(thread->run, word) != NULL)
        workload_fail(thread, "strings: a word is in the map before it has been entered");
    struct entry **table = thread->run->roots[letter];
    struct entry *entry = gc_alloc(m, &entry_type, sizeof *entry);
    struct entry **bucket = &table[word->hash & (maps[letter].capacity - 1)];
    gc_init_field(entry->next, *bucket);
    gc_init_field(entry->word, word);
    entry->count = 0;
    entry->hash = word->hash;
    gc_store(m, table, *bucket, entry);
    maps[letter].count++;
    workload_allocated(thread, string_bytes(length) + sizeof *entry, 2);
}

/* Writes words with a blank behind each, as many as fit, and returns the number of bytes. */
static uint64_t write_text(struct workload_thread *thread, char *text, uint64_t document)
{
    uint64_t vocabulary = workload_param(thread, VOCABULARY);
    uint64_t octaves = 64 - (uint64_t)__builtin_clzll(vocabulary);
    uint64_t limit = workload_param(thread, BYTES) - LONGEST_WORD - 1;
    uint64_t used = 0;
    struct rng rng;
    rng_seed(&rng, thread->run->seed, document);
    for (uint64_t words = 0; used <= limit;) {
        uint64_t octave = rng_below(&rng, octaves);
        uint64_t rank = (UINT64_C(1) << octave) - 1 + rng_below(&rng, UINT64_C(1) << octave);
        if (rank >= vocabulary)
            continue;
        used += spell_word(thread->run, rank, text + used);
        text[used++] = ' ';
        if (++words % CHUNK_WORDS == 0)
            gc_safepoint(thread->mutator);
    }
    return used;
}

static __attribute__((noinline)) void count_document(struct workload_thread *thread,
                                                     uint64_t document)
{
    struct gc_mutator *m = thread->mutator;
    uint64_t bytes = workload_param(thread, BYTES);
    char *text = gc_alloc(m, &text_type, bytes);
    uint64_t used = write_text(thread, text, document);
    uint64_t words = 0, words_bytes = 0;
    for (uint64_t start = 0, end; start < used; start = end + 1, words++) {
        for (end = start; text[end] != ' ';)
            end++;
        struct string *word = make_string(thread, text + start, (uint32_t)(end - start));
        struct entry *entry = find(thread->run, word);
        if (entry == NULL)
            workload_fail(thread, "strings: a word has been lost from the map");
        __atomic_fetch_add(&entry->count, 1, __ATOMIC_RELAXED);
        words_bytes += string_bytes(word->length);
        gc_keep(word);
        free_string(m, word);
    }
    gc_keep(text);
    gc_free(m, text, bytes);
    __atomic_fetch_add(&counted, words, __ATOMIC_RELAXED);
    workload_allocated(thread, bytes + words_bytes, 1 + words);
}

/* Checks and drops a map, by hand entry by entry, and returns its part of the checksum. */
static __attribute__((noinline)) uint64_t drop_map(struct workload_thread *thread, unsigned letter)
{
    struct gc_mutator *m = thread->mutator;
    struct workload_run *run = thread->run;
    uint64_t checksum = 0, found = 0, total = 0;
    struct entry **table = run->roots[letter];
    gc_init_field(run->roots[letter], NULL);
    for (uint64_t slot = 0; slot < maps[letter].capacity; slot++) {
        for (struct entry *entry = table[slot], *next; entry != NULL; entry = next) {
            next = entry->next;
            if (hash_letters(entry->word->letters, entry->word->length) != entry->hash)
                workload_fail(thread, "strings: a word in the map is not what was entered");
            checksum += rng_mix(entry->hash + rng_mix(entry->count));
            total += entry->count;
            found++;
            free_string(m, entry->word);
            gc_free(m, entry, sizeof *entry);
            gc_safepoint(m);
        }
    }
    if (found != maps[letter].count)
        workload_fail(thread, "strings: the map has lost words");
    gc_keep(table);
    gc_free(m, table, maps[letter].capacity * sizeof *table);
    __atomic_fetch_sub(&counted, total, __ATOMIC_RELAXED);
    return checksum;
}

/* Fills the map of a letter and checks that each word is found. */
static void fill_map(struct workload_thread *thread, unsigned letter)
{
    uint64_t vocabulary = workload_param(thread, VOCABULARY);
    for (uint64_t rank = letter; rank < vocabulary; rank += LETTERS) {
        enter_word(thread, rank);
        if ((rank / LETTERS + 1) % OPERATION_WORDS == 0 || rank + LETTERS >= vocabulary)
            workload_operation_end(thread);
    }
}

static uint64_t iterate(struct workload_thread *thread)
{
    uint64_t first, end, first_letter, end_letter, checksum = 0;
    workload_share(thread, workload_param(thread, DOCUMENTS), &first, &end);
    workload_share(thread, LETTERS, &first_letter, &end_letter);

    workload_operation_begin(thread);
    if (thread->index == 0)
        counted = 0;
    for (uint64_t letter = first_letter; letter < end_letter; letter++) {
        maps[letter].count = maps[letter].capacity = 0;
        fill_map(thread, (unsigned)letter);
    }
    workload_barrier(thread);

    workload_operation_begin(thread);
    for (uint64_t document = first; document < end; document++) {
        count_document(thread, document);
        workload_operation_end(thread);
    }
    workload_barrier(thread);

    for (uint64_t letter = first_letter; letter < end_letter; letter++)
        checksum += drop_map(thread, (unsigned)letter);
    workload_barrier(thread);
    if (thread->index == 0 && counted != 0)
        workload_fail(thread, "strings: the counts do not add up to the words read");
    return checksum;
}

const struct workload workload_strings = {
    .name = "strings",
    .summary = "the words of a text counted in a hash map of interned strings",
    .operation = "one text read and its words counted; before that, 1000 words interned",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS,
    .live_bytes = live_bytes,
    .iterate = iterate,
};
