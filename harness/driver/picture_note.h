/* picture_note.h: says inside a picture which command made it, where gnuplot's cairo terminals say
 * nothing; an SVG has it from its script. Thread-safe on different files. */
#ifndef DRIVER_PICTURE_NOTE_H
#define DRIVER_PICTURE_NOTE_H

#include <stddef.h>

/* A PNG is noted by chunks that are the same for all pictures of a run, put in before this byte:
 * behind the signature and IHDR (Portable Network Graphics, 3rd edition, W3C 2025, 5.2 and 11.2.1).
 */
#define PICTURE_NOTE_PNG_AT 33

/* The chunks: iTXt with the keywords Comment, the command, and Software, this version of gcmeter.
 * What is not UTF-8 becomes U+FFFD. To be freed. */
char *picture_note_png_chunks(const char *command, size_t *length);

/* Puts them into the file `path`, once. 0; -EBADMSG, it is not a PNG, and is left as it was; or
 * another negative errno, and it is lost. */
int picture_note_png(const char *path, const char *command);

/* Sets /Title, /Subject (the command) and /Creator of the file `path` by an incremental update (ISO
 * 32000-1, 7.5.6), once, and a date that cairo put in to a fixed one, since the same run should
 * give the same bytes. Returns as picture_note_png() does, with -EBADMSG where the file is not laid
 * out as cairo lays it out. */
int picture_note_pdf(const char *path, const char *title, const char *command);

#endif
