/* The guard: lets Ctrl-C and --timeout end a command while it imports Python modules and plans,
 * before a run's own watcher (run/signals.c) takes over. */
#ifndef SQLFLOW_CLI_GUARD_H
#define SQLFLOW_CLI_GUARD_H

#include "cli/output.h"

/* Blocks the signals, so call it before DuckDB and Python start threads, and waits for them on a
 * thread of its own; without one the process ends. A signal, or the end of the time (0: none),
 * interrupts Python; what goes on nevertheless is ended with the process: nothing has begun yet
 * that could be left half done. */
void guard_start(Cli *cli, double timeout_seconds);
/* Signals stay blocked, and what comes from now on is pending. true: there was one already; *err
 * tells which, and the command is to end with it. */
bool guard_stop(Error *err);

#endif
