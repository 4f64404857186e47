/* marksweep_roots_internal.h: where marking starts.
 *
 * Stacks and registers are scanned conservatively: any word that is an address inside an allocated
 * object retains it, since the compiler may keep a derived pointer only. Registered ranges and
 * pools hold starts of objects; a word there that is not one is ignored.
 */
#ifndef MARKSWEEP_ROOTS_INTERNAL_H
#define MARKSWEEP_ROOTS_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "marksweep_mark_internal.h"

/* Thread-safe; waits for the end of a collection. add: 0, -EINVAL if not aligned or empty, -ENOMEM.
 * remove: a range as it was added; others are ignored. */
int ms_roots_add(void *low, void *high);
void ms_roots_remove(void *low, void *high);

/* Visits all roots; returns their size in bytes. With the world stopped. */
uint64_t ms_roots_visit(struct ms_marker *k);

/* Visits the words of [low, high), which may be anybody's; returns their size in bytes. */
uint64_t ms_roots_visit_words(struct ms_marker *k, const void *low, const void *high,
                              bool interior);

#endif
