/* What `pipeline debug` shows of a step: its SQL, what it made, DuckDB's plan. */
#ifndef SQLFLOW_CLI_DEBUG_VIEW_H
#define SQLFLOW_CLI_DEBUG_VIEW_H

#include "cli/output.h"
#include "engine/duck.h"
#include "run/run.h"

typedef struct DebugView {
    Cli *cli;
    Duck *duck;       /* the run's connection: asked inside its transaction */
    JsonWriter *json; /* the document's, inside its array of steps; NULL: text */
    long long limit;  /* rows to show */
    bool explain;
} DebugView;

/* Shows a step that has ended, called before the next one starts. */
void debug_show_step(const DebugView *view, const StepResult *result, size_t index, size_t count);

#endif
