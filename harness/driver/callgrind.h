/* callgrind.h: counting instructions by running a program under valgrind's callgrind. */
#ifndef DRIVER_CALLGRIND_H
#define DRIVER_CALLGRIND_H

#include <stdint.h>

/* What `valgrind --version` says, to be freed; NULL: there is none that runs. */
char *callgrind_version(void);

/* How much longer a program may take under it: it takes 20 to 60 times as long where it counts, and
 * about 5 times elsewhere. */
#define CALLGRIND_SLOWNESS 20

/* A new empty file for the counts, whose name is to be freed by the caller and the file to be
 * removed; NULL: there can be none, errno says why. */
char *callgrind_file(void);

/* The words that start a program so that the counts of what it marks go to `file`: those of the
 * array, of which the caller frees each, and then the program with its own arguments. */
#define CALLGRIND_WORDS 10
void callgrind_words(char **words, const char *file);

/* What was counted: in all, and of that in stops, where the program told what stops are. */
struct callgrind_counts {
    int64_t instructions_count;
    int64_t stop_instructions_count;
    int64_t stops_count;
};

/* Reads the counts in the file: all zero where it has none. */
struct callgrind_counts callgrind_read(const char *file);

#endif
