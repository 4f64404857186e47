/* loaded_run.h: a run in the folder of the test, as readers see it. Include after cmocka.h. */
#ifndef TESTS_LOADED_RUN_H
#define TESTS_LOADED_RUN_H

#include "data/run_data.h"
#include "gcmeter_process.h"

/* The run in that folder, the caller's until run_data_free(); one that cannot be read fails the
 * test. */
static inline struct run_data *loaded_run(const char *folder)
{
    struct run_data *run;
    struct csv_error error;
    if (run_data_load(&run, process_path(folder), &error))
        fail_msg("%s", error.text);
    return run;
}

#endif
