/* describe.h: the answer to --describe. */
#ifndef RUNNER_DESCRIBE_H
#define RUNNER_DESCRIBE_H

#include "record_writer.h"

/* Writes all rows; does not flush. */
void describe(struct record_writer *w);

#endif
