/* machine_class.h: machines whose figures may be compared, by name. Thread-safe. */
#ifndef DATA_MACHINE_CLASS_H
#define DATA_MACHINE_CLASS_H

#include "data/run_data.h"

/* The class of the machine that the run was made on, as a name of a file or folder: processor,
 * number of cores, first number of the kernel's version, as in
 * "intel-r-xeon-r-cpu-2.20ghz-2-cores-linux-6". The caller frees it. NULL: out of memory. */
char *machine_class_format(const struct run_data *run);

/* The first number of the kernel's version, which is that of the run's key `kernel`, or "". In
 * `buffer`, which is returned. */
#define MACHINE_CLASS_KERNEL_BYTES 16
char *machine_class_kernel(char *buffer, const struct run_data *run);

#endif
