/* built_runners.h: the runners of a variant that names where they come from: `build=` a folder or a
 * git revision of this project, or `prefix=` an installation of the backend's library. */
#ifndef DRIVER_BUILT_RUNNERS_H
#define DRIVER_BUILT_RUNNERS_H

#include <stddef.h>

#include "driver/progress.h"

struct built_runners {
    char *backend; /* its name */
    char *text;    /* the variant without build= and prefix= */
    char *folder;  /* where its runners are; NULL: where catalog_discover() looks */
    char *commit;  /* of build=REVISION, in full, or NULL */
};

/* Makes sure that the runners which the variant `text` names are there:
 *   build=FOLDER    FOLDER, or FOLDER/bin, as it is
 *   build=REVISION  built by make in a worktree of its own, build/revisions/COMMIT under the source
 *                   tree that the current folder or else gcmeter itself lies in
 *   prefix=FOLDER   built by make from that source tree, with FOLDER/include and FOLDER/lib before
 *                   what the system has, and that library's path recorded in the runner; refused
 *                   where it then loads another library, or one of another version than the headers
 * -1: they are; *built is the caller's, to be given to built_runners_free(). Otherwise an exit code
 * of cmd.h, and the user has been told in one line. What building takes is told by `progress`. */
int built_runners_make(struct built_runners *built, const char *text, struct progress *progress);
void built_runners_free(struct built_runners *built);

#endif
