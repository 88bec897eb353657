/* `sqlflow pipeline debug`: runs up to a step inside a transaction that is rolled back and shows
 * what each step does. */
#include "cli/context.h"
#include "cli/flags.h"

extern const Command command_debug;

static int run_debug(Cli *cli) {
    Error err;
    error_set(&err, ERR_INTERNAL, SPAN_NONE, "pipeline debug is not there yet");
    return fail(cli, &err);
}

static const Flag flags[] = {
    FLAG_ROW_VAR,
    FLAG_ROW_VARS,
    {"step", 0, FLAG_TEXT, "ID", NULL, "stop after this step; only what it needs is run"},
    {"limit", 0, FLAG_INT, "N", NULL, "how many rows of each table to show (5)"},
    {"explain", 0, FLAG_SWITCH, NULL, NULL, "also show DuckDB's plan of each query"},
    FLAG_ROW_END,
};

const Command command_debug = {
    .name = "debug",
    .summary = "run a pipeline step by step, show everything, roll back",
    .arguments = "NAME",
    .flags = flags,
    .complete = "pipeline",
    .min_args = 1,
    .max_args = 1,
    .examples = (const Example[]){{"pipeline debug customer_analytics", "all steps"},
                                  {"pipeline debug customer_analytics --step "
                                   "transform_customer_summary --explain",
                                   "up to one step, with DuckDB's plans"},
                                  {0}},
    .run = run_debug,
};
