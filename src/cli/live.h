/* The live line of a run on a terminal: the running step, percent, rows, rows/s, elapsed time.
 * Finished steps are printed above it as the report's lines. */
#ifndef SQLFLOW_CLI_LIVE_H
#define SQLFLOW_CLI_LIVE_H

#include <pthread.h>

#include "cli/output.h"
#include "run/report.h"

typedef struct Live {
    Cli *cli;
    ReportLayout layout;
    RunListener listener; /* to be given to the run */
    pthread_mutex_t lock; /* the terminal: ticks come from another thread */
    double step_started;
    bool shown; /* the live line is on the screen */
} Live;

void live_start(Live *live, Cli *cli, const Plan *plan);
void live_stop(Live *live);

#endif
