/* stop_signals.h: the signals that end a measurement, read where it suits. */
#ifndef DRIVER_STOP_SIGNALS_H
#define DRIVER_STOP_SIGNALS_H

#include <stdbool.h>

/* Blocks SIGINT, SIGTERM, SIGCHLD and, unless it is ignored, SIGHUP, and has writing fail instead
 * of ending the process, so that no row is left half done. Returns a signalfd of the former, to be
 * closed; or -1 with errno set. */
int stop_signals_open(void);

/* Reads what there is from that signalfd. Whether any of it asks to stop: SIGCHLD does not. */
bool stop_signals_take(int fd);

#endif
