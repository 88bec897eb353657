/* Python functions in a step's SQL: rewritten to what DuckDB parses, before anything else looks at
 * the SQL. The functions and the tables that they take are noted in the step. */
#ifndef SQLFLOW_PLAN_PYTHON_H
#define SQLFLOW_PLAN_PYTHON_H

#include "plan/plan.h"
#include "udf/udf.h"

/* Rewrites step->query and fills step->functions; problems go to diags at their place. */
void step_rewrite_python(Arena *arena, Udfs *udfs, Duck *duck, Step *step, Diags *diags);

/* bind_types, with the columns of table functions taken as they are (bind.c). */
void bind_once(const Plan *plan, const BindOptions *options, Diags *diags);

#endif
