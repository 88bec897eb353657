/* Report: how the lines of a run are laid out. The columns fit the steps of the plan, so they are
 * known before the first line is printed. */
#ifndef SQLFLOW_RUN_REPORT_H
#define SQLFLOW_RUN_REPORT_H

#include "run/run.h"

typedef struct ReportLayout {
    size_t id_width, detail_width;
    bool color;
} ReportLayout;

ReportLayout report_layout(const Plan *plan, bool color);
/* One line, as report_step, in these columns. A failed step shows `error` (may be NULL). */
void report_line(const ReportLayout *layout, const StepResult *result, size_t index, size_t count,
                 const Error *error, Buf *out);

#endif
