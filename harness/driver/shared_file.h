/* shared_file.h: files that come with the program: from the tree it was built in, or as installed.
 */
#ifndef DRIVER_SHARED_FILE_H
#define DRIVER_SHARED_FILE_H

/* The path of a file that is `in_tree` in the source tree, and `name` under PREFIX/share/gcmeter,
 * found from where the program itself lies; owned by the caller. NULL: in neither place. */
char *shared_file_find(const char *in_tree, const char *name);

#endif
