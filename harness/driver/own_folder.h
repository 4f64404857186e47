/* own_folder.h: where gcmeter's own executable lies; its runners and files are found from there. */
#ifndef DRIVER_OWN_FOLDER_H
#define DRIVER_OWN_FOLDER_H

/* The folder, absolute, to be freed by the caller; NULL where it cannot be known. The working
 * folder must still be the one that the program was started in. */
char *own_folder_find(void);

/* Why it cannot be known, and what to do: the rest of a sentence that says what is missing. */
#define OWN_FOLDER_UNKNOWN                                                                         \
    "gcmeter cannot find its own folder, because /proc is not mounted; mount it, or call gcmeter " \
    "by its path"

#endif
