/* inline_svg.h: an SVG file taken into a page of HTML, where several may stand without their ids
 * meeting. */
#ifndef DRIVER_INLINE_SVG_H
#define DRIVER_INLINE_SVG_H

#include <stdio.h>

/* Writes the element <svg> of the file at `path`, made by gnuplot, to `out`: its ids, and what
 * refers to them, get `prefix`, a word; `label` is its name for who cannot see it. A file that
 * could act on the page, by a script or by what it loads, is refused. 0, -EINVAL where it is no
 * such file, or the negative errno of reading it. Nothing is written unless it is 0. Thread-safe.
 */
int inline_svg_put(FILE *out, const char *path, const char *prefix, const char *label);

#endif
