/* slice_append: Go slices grown by append, one element at a time.
 *
 * Stands for the commonest allocation pattern of Go programs: a slice {base, length, capacity} that
 * starts empty and is appended to, so that its array is replaced by a larger one again and again
 * and every outgrown array becomes garbage. Capacities follow runtime.growslice of Go 1.18 and
 * later (src/runtime/slice.go): double below 256 elements, then newcap += (newcap + 3 * 256) / 4,
 * rounded up to a size class of the runtime (src/runtime/sizeclasses.go, roundupsize in msize.go).
 * Outgrown arrays are freed at once by hand. Of the slices grown, the last `window` stay alive;
 * each is read back and checked when it leaves the window.
 *
 * Stresses: short-lived objects of doubling sizes, copying, large objects where slices are long;
 * with pointer=1 also one small object per element, and arrays that are traced. Does not stress:
 * deep or linked structures, fragmentation by mixed lifetimes (all slices live equally long), and,
 * with pointer=0, tracing at all: the arrays are leaf data.
 *
 * Live set, per thread with w of the `window` slices, C the final capacity, P the one before it, n
 * elements, b = 16 bytes for each box (0 with pointer=0):
 *     24 w + max(w - 1, 0) * (8 C + b n) + max(8 C + 8 P + b (P + 1), 8 C + b n)
 * the last term being the slice under construction, at its last growth or at its end.
 *
 * A good collector allocates and clears large arrays at the speed of memory, never scans leaf
 * arrays, and collects often enough to stay in the cache where slices are short. A bad one clears
 * or scans leaf data, keeps outgrown arrays alive by stray words that look like pointers to them,
 * or asks the system for every large array anew.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "gc.h"
#include "workload.h"

enum { ELEMENTS, SLICES, WINDOW, POINTER, EXAMPLE };

static const struct workload_param params[] = {
    [ELEMENTS] = {"elements", "count", 1000, 1, UINT64_C(1) << 30, "elements appended to a slice"},
    [SLICES] = {"slices", "count", 50000, 1, UINT64_C(1000000000),
                "slices grown per iteration, all threads together"},
    [WINDOW] = {"window", "count", 1000, 0, 10000000,
                "slices alive besides the one that grows, all threads together"},
    [POINTER] = {"pointer", "flag", 0, 0, 1,
                 "1: elements are pointers to boxes of 16 bytes; 0: 64-bit integers"},
    [EXAMPLE] = {"example", "flag", 0, 0, 1,
                 "1: every slice holds 1 to 10 (elements is not used), the first one is printed"},
};

#define WORD_BYTES       8
#define EXAMPLE_ELEMENTS 10
/* A slice shorter than this takes a few microseconds at most, of which recording it would be more
 * than 2 %: several make one operation. */
#define OPERATION_ELEMENTS 4000
/* Elements handled between two safepoints: a few microseconds of work. */
#define CHUNK_ELEMENTS 1024

struct slice {
    void *base; /* int64 elements, or pointers to boxes */
    uint64_t length;
    uint64_t capacity;
};

/* What a pointer element refers to. */
struct box {
    uint64_t value;
    uint64_t index;
};

/* The elements of one slice: first, first + step, first + 2 step, … */
struct sequence {
    uint64_t first;
    uint64_t step;
};

static struct gc_type array_type = GC_TYPE_LEAF("array of int64");
static struct gc_type pointer_array_type = GC_TYPE_POINTER_ARRAY("array of pointers");
static struct gc_type box_type = GC_TYPE_RECORD(struct box, 0);
static struct gc_type window_type = {
    .name = "window of slices",
    .element_bytes = sizeof(struct slice),
    .element_pointers = GC_POINTER_BIT(struct slice, base),
};

static struct gc_type *const types[] = {&array_type, &pointer_array_type, &box_type, &window_type,
                                        NULL};

/* The size classes of Go's allocator, in bytes; larger objects take whole pages. */
static const uint16_t size_classes[] = {
    8,     16,    24,    32,    48,    64,    80,    96,    112,   128,   144,   160,
    176,   192,   208,   224,   240,   256,   288,   320,   352,   384,   416,   448,
    480,   512,   576,   640,   704,   768,   896,   1024,  1152,  1280,  1408,  1536,
    1792,  2048,  2304,  2688,  3072,  3200,  3456,  4096,  4864,  5120,  5376,  6144,
    6528,  6784,  6912,  8192,  9472,  9728,  10240, 10880, 12288, 13568, 14336, 16384,
    18432, 19072, 20480, 21760, 24576, 27264, 28672, 32768,
};
#define SIZE_CLASSES  (sizeof size_classes / sizeof size_classes[0])
#define LARGEST_WORDS (32768 / WORD_BYTES)
#define PAGE_WORDS    (8192 / WORD_BYTES)

/* Made by setup, read by all threads. */
static struct {
    uint16_t class_words[LARGEST_WORDS + 1]; /* words asked for -> words of their size class */
    uint64_t slice_bytes;                    /* what growing one slice allocates in all */
    uint64_t slice_count;
} plan;

/* Capacity that append asks for when a slice of this capacity is full. One step of the formula for
 * long slices always makes room for one more element. */
static inline uint64_t wanted_capacity(uint64_t capacity)
{
    const uint64_t threshold = 256;
    if (capacity == 0)
        return 1;
    if (capacity < threshold)
        return 2 * capacity;
    return capacity + (capacity + 3 * threshold) / 4;
}

static inline uint64_t whole_pages(uint64_t words)
{
    return (words + PAGE_WORDS - 1) / PAGE_WORDS * PAGE_WORDS;
}

/* What Go's allocator makes of it. Used where there is no table yet: see plan.class_words. */
static uint64_t next_capacity(uint64_t capacity)
{
    uint64_t words = wanted_capacity(capacity);
    for (size_t i = 0; i < SIZE_CLASSES; i++)
        if (size_classes[i] / WORD_BYTES >= words)
            return size_classes[i] / WORD_BYTES;
    return whole_pages(words);
}

static uint64_t element_count(const struct workload_run *run)
{
    return run->params[EXAMPLE] ? EXAMPLE_ELEMENTS : run->params[ELEMENTS];
}

static uint64_t slices_per_operation(uint64_t elements)
{
    return (OPERATION_ELEMENTS + elements - 1) / elements;
}

static uint64_t max_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t min_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t live_bytes(const struct workload_run *run)
{
    uint64_t elements = element_count(run);
    uint64_t box_bytes = run->params[POINTER] ? sizeof(struct box) : 0;
    uint64_t last = 0, previous = 0;
    while (last < elements) {
        previous = last;
        last = next_capacity(last);
    }
    uint64_t whole = WORD_BYTES * last + box_bytes * elements;
    uint64_t growing = WORD_BYTES * (last + previous) + box_bytes * (previous + 1);
    uint64_t window = run->params[WINDOW];
    uint64_t busy = window < run->threads ? window : run->threads; /* threads that have a window */
    return sizeof(struct slice) * window + (window - busy) * whole +
           run->threads * max_of(growing, whole);
}

static void setup(struct workload_thread *thread)
{
    size_t fit = 0;
    for (size_t words = 0; words <= LARGEST_WORDS; words++) {
        if (words * WORD_BYTES > size_classes[fit])
            fit++;
        plan.class_words[words] = size_classes[fit] / WORD_BYTES;
    }
    uint64_t elements = element_count(thread->run);
    plan.slice_bytes = plan.slice_count = 0;
    for (uint64_t capacity = 0; capacity < elements; plan.slice_count++) {
        capacity = next_capacity(capacity);
        plan.slice_bytes += capacity * WORD_BYTES;
    }
    if (workload_param(thread, POINTER)) {
        plan.slice_bytes += elements * sizeof(struct box);
        plan.slice_count += elements;
    }
}

static inline uint64_t grown_capacity(uint64_t capacity)
{
    uint64_t words = wanted_capacity(capacity);
    return words <= LARGEST_WORDS ? plan.class_words[words] : whole_pages(words);
}

/* clang has no such attribute, and does not do what it keeps gcc from. */
#ifdef __clang__
#define KEPT_APART __attribute__((noinline))
#else
#define KEPT_APART __attribute__((noipa))
#endif

/* Kept out of line, its callers' knowledge of the length with it: for a copy that it knows to be
 * short gcc writes `rep movsq`, which takes several times as long as the call for arrays of this
 * size. */
static KEPT_APART void copy_words(uint64_t *to, const uint64_t *from, uint64_t words)
{
    memcpy(to, from, words * WORD_BYTES);
}

/* A larger array with the elements of `from`, all of whose `length` elements are in use. Its tail
 * is not cleared: append writes an element before anything reads it, and no collector looks into a
 * leaf. Takes and returns what fits in registers, unlike a struct slice. */
static __attribute__((noinline)) uint64_t *grow_integers(struct gc_mutator *m, uint64_t *from,
                                                         uint64_t length, uint64_t capacity)
{
    uint64_t *to = gc_alloc(m, &array_type, capacity * WORD_BYTES);
    for (uint64_t i = 0; i < length; i += CHUNK_ELEMENTS) {
        if (i > 0)
            gc_safepoint(m);
        copy_words(to + i, from + i, min_of(length - i, CHUNK_ELEMENTS));
    }
    gc_keep(from);
    gc_free(m, from, length * WORD_BYTES);
    return to;
}

/* The full slice with a larger array of pointers. A long copy is broken up by safepoints, so its
 * array must be valid to trace at each of them. */
static __attribute__((noinline)) struct slice grow_pointers(struct gc_mutator *m,
                                                            struct slice slice)
{
    uint64_t capacity = grown_capacity(slice.capacity);
    struct box *const *from = slice.base;
    struct box **to;
    if (capacity <= CHUNK_ELEMENTS) {
        to = gc_alloc(m, &pointer_array_type, capacity * WORD_BYTES);
        for (uint64_t i = 0; i < slice.length; i++)
            gc_init_field(to[i], from[i]);
        for (uint64_t i = slice.length; i < capacity; i++)
            gc_init_field(to[i], NULL);
    } else {
        to = gc_alloc_zeroed(m, &pointer_array_type, capacity * WORD_BYTES);
        for (uint64_t i = 0; i < slice.length; i++) {
            if (i % CHUNK_ELEMENTS == 0)
                gc_safepoint(m);
            gc_store(m, to, to[i], from[i]);
        }
    }
    gc_keep(slice.base);
    gc_free(m, slice.base, slice.capacity * WORD_BYTES);
    return (struct slice){to, slice.length, capacity};
}

static inline struct slice append_integer(struct gc_mutator *m, struct slice slice, uint64_t value)
{
    if (slice.length == slice.capacity) {
        slice.capacity = grown_capacity(slice.capacity);
        slice.base = grow_integers(m, slice.base, slice.length, slice.capacity);
    }
    ((uint64_t *)slice.base)[slice.length++] = value;
    return slice;
}

static inline struct slice append_box(struct gc_mutator *m, struct slice slice, uint64_t value)
{
    struct box *box = gc_alloc(m, &box_type, sizeof *box);
    box->value = value;
    box->index = slice.length;
    if (slice.length == slice.capacity)
        slice = grow_pointers(m, slice);
    struct box **elements = slice.base;
    gc_store(m, elements, elements[slice.length], box);
    slice.length++;
    return slice;
}

static struct slice grow_integer_slice(struct gc_mutator *m, uint64_t elements,
                                       struct sequence sequence)
{
    struct slice slice = {NULL, 0, 0};
    uint64_t value = sequence.first;
    for (uint64_t i = 0; i < elements;) {
        uint64_t end = min_of(i + CHUNK_ELEMENTS, elements);
        for (; i < end; i++, value += sequence.step)
            slice = append_integer(m, slice, value);
        gc_safepoint(m);
    }
    return slice;
}

static struct slice grow_box_slice(struct gc_mutator *m, uint64_t elements,
                                   struct sequence sequence)
{
    struct slice slice = {NULL, 0, 0};
    uint64_t value = sequence.first;
    for (uint64_t i = 0; i < elements; i++, value += sequence.step)
        slice = append_box(m, slice, value);
    return slice;
}

static struct sequence sequence_of(const struct workload_run *run, uint64_t number)
{
    if (run->params[EXAMPLE])
        return (struct sequence){1, 1};
    uint64_t first = rng_mix(rng_mix(run->seed) ^ rng_mix(number));
    return (struct sequence){first, first | 1};
}

/* Neither this nor retire_slot is inlined, so that no reference to an array stays behind in the
 * frame of the loop, where a conservative scan of the stack would find it. */
static __attribute__((noinline)) struct slice grow_slice(struct workload_thread *thread,
                                                         uint64_t number)
{
    struct sequence sequence = sequence_of(thread->run, number);
    uint64_t elements = element_count(thread->run);
    if (workload_param(thread, POINTER))
        return grow_box_slice(thread->mutator, elements, sequence);
    return grow_integer_slice(thread->mutator, elements, sequence);
}

/* Reads every element of slice `number`; returns its part of the checksum. */
static uint64_t read_slice(struct workload_thread *thread, struct slice slice, uint64_t number)
{
    struct sequence sequence = sequence_of(thread->run, number);
    bool boxed = workload_param(thread, POINTER);
    uint64_t sum = 0, wrong = 0, expected = sequence.first;
    if (slice.length != element_count(thread->run))
        workload_fail(thread, "slice_append: a slice has the wrong length");
    for (uint64_t i = 0; i < slice.length;) {
        uint64_t end = min_of(i + CHUNK_ELEMENTS, slice.length);
        if (boxed) {
            struct box *const *elements = slice.base;
            for (; i < end; i++, expected += sequence.step) {
                sum += elements[i]->value;
                wrong |= (elements[i]->value ^ expected) | (elements[i]->index ^ i);
            }
        } else {
            const uint64_t *elements = slice.base;
            for (; i < end; i++, expected += sequence.step) {
                sum += elements[i];
                wrong |= elements[i] ^ expected;
            }
        }
        gc_safepoint(thread->mutator);
    }
    gc_keep(slice.base);
    if (wrong)
        workload_fail(thread, "slice_append: an element of a slice is not what was appended");
    return rng_mix(sum + slice.capacity);
}

static void free_slice(struct workload_thread *thread, struct slice slice)
{
    if (!GC_RECLAIMS_BY_HAND)
        return;
    if (workload_param(thread, POINTER)) {
        struct box *const *elements = slice.base;
        for (uint64_t i = 0; i < slice.length; i++)
            gc_free(thread->mutator, elements[i], sizeof(struct box));
    }
    gc_free(thread->mutator, slice.base, slice.capacity * WORD_BYTES);
}

/* Slice `number` leaves the window. */
static __attribute__((noinline)) uint64_t
retire_slot(struct workload_thread *thread, struct slice *slot, void *window, uint64_t number)
{
    struct slice slice = *slot;
    gc_store(thread->mutator, window, slot->base, NULL);
    uint64_t checksum = read_slice(thread, slice, number);
    free_slice(thread, slice);
    return checksum;
}

/* The mission's slice: appends 1 to 10, checks each capacity on the way, and prints it. */
static void show_example(struct workload_thread *thread)
{
    static const uint64_t capacities[EXAMPLE_ELEMENTS] = {1, 2, 4, 4, 8, 8, 8, 8, 16, 16};
    bool boxed = workload_param(thread, POINTER);
    struct slice slice = {NULL, 0, 0};
    for (uint64_t i = 0; i < EXAMPLE_ELEMENTS; i++) {
        slice = boxed ? append_box(thread->mutator, slice, i + 1)
                      : append_integer(thread->mutator, slice, i + 1);
        if (slice.capacity != capacities[i])
            workload_fail(thread, "slice_append: a capacity of the example is not Go's");
    }
    char line[128];
    int used = snprintf(line, sizeof line, "Slice: [");
    for (uint64_t i = 0; i < slice.length; i++) {
        uint64_t value =
            boxed ? ((struct box *const *)slice.base)[i]->value : ((uint64_t *)slice.base)[i];
        used +=
            snprintf(line + used, sizeof line - (size_t)used, "%s%" PRIu64, i ? " " : "", value);
    }
    snprintf(line + used, sizeof line - (size_t)used, "]");
    workload_print(thread, line);
    if (strcmp(line, "Slice: [1 2 3 4 5 6 7 8 9 10]") != 0)
        workload_fail(thread, "slice_append: the example does not hold 1 to 10");
    free_slice(thread, slice);
    workload_allocated(thread, plan.slice_bytes, plan.slice_count);
}

static uint64_t iterate(struct workload_thread *thread)
{
    struct gc_mutator *m = thread->mutator;
    uint64_t slices = workload_param(thread, SLICES);
    uint64_t each = slices_per_operation(element_count(thread->run));
    uint64_t first, end, window_first, window_end, checksum = 0;

    if (workload_param(thread, EXAMPLE) && thread->index == 0)
        show_example(thread);

    /* Threads share whole operations, so that their number does not depend on the threads. */
    workload_share(thread, (slices + each - 1) / each, &first, &end);
    workload_share(thread, workload_param(thread, WINDOW), &window_first, &window_end);
    uint64_t first_slice = min_of(first * each, slices);
    uint64_t end_slice = min_of(end * each, slices);
    uint64_t width = window_end - window_first;
    uint64_t window_bytes = width * sizeof(struct slice);
    struct slice *window = NULL;
    if (width > 0) {
        window = gc_alloc_zeroed(m, &window_type, window_bytes);
        workload_allocated(thread, window_bytes, 1);
    }

    workload_operation_begin(thread);
    uint64_t slot = 0;
    for (uint64_t number = first_slice; number < end_slice; number++) {
        if (width == 0) {
            struct slice slice = grow_slice(thread, number);
            checksum += read_slice(thread, slice, number);
            free_slice(thread, slice);
        } else {
            if (number - first_slice >= width)
                checksum += retire_slot(thread, &window[slot], window, number - width);
            struct slice slice = grow_slice(thread, number);
            gc_store(m, window, window[slot].base, slice.base);
            window[slot].length = slice.length;
            window[slot].capacity = slice.capacity;
            slot = slot + 1 == width ? 0 : slot + 1;
        }
        workload_allocated(thread, plan.slice_bytes, plan.slice_count);
        if ((number + 1) % each == 0 || number + 1 == end_slice)
            workload_operation_end(thread);
    }

    if (width > 0) {
        uint64_t kept = min_of(end_slice - first_slice, width);
        for (uint64_t number = end_slice - kept; number < end_slice; number++)
            checksum +=
                retire_slot(thread, &window[(number - first_slice) % width], window, number);
        gc_keep(window);
        gc_free(m, window, window_bytes);
    }
    return checksum;
}

static const char *check(const struct workload_run *run)
{
    if (run->params[SLICES] < run->params[WINDOW])
        return "slices must be at least window: the window would never be full";
    return NULL;
}

const struct workload workload_slice_append = {
    .name = "slice_append",
    .summary = "Go slices grown by append, with Go's growth rule and size classes",
    .operation = "one slice grown to its length and the oldest one read back; where slices are "
                 "shorter than 4000 elements, 4000/elements of them, rounded up",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS,
    .live_bytes = live_bytes,
    .check = check,
    .setup = setup,
    .iterate = iterate,
};
