/* Columns that assertions and exports name must be among those that binding finds. */
#ifndef SQLFLOW_PLAN_BIND_CHECK_H
#define SQLFLOW_PLAN_BIND_CHECK_H

#include "plan/plan.h"

void bind_check_assert(const Step *step, const Columns *columns, Arena *arena, Diags *diags);
/* Its options upsert_keys and partition_by. */
void bind_check_export(const Step *step, const Columns *columns, Arena *arena, Diags *diags);

#endif
