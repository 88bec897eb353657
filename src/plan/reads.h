/* What a step reads and writes. DuckDB's parser is asked; it takes queries only, so what other
 * statements read is made into queries first. */
#ifndef SQLFLOW_PLAN_READS_H
#define SQLFLOW_PLAN_READS_H

#include "engine/sqlinfo.h"
#include "plan/pipeline.h"
#include "udf/udf.h"

/* Fills step->reads and step->writes (each table once, in order of appearance), after Python
 * functions in its SQL were rewritten. SQL that DuckDB cannot parse is reported to diags. */
void step_tables(Arena *arena, Duck *duck, Udfs *udfs, Step *step, Diags *diags);

bool tables_has(const Tables *tables, const char *key);

/* Is the statement about a schema, macro, type or sequence? These are no tables; it keeps file
 * order against everything after it. */
bool step_is_barrier(const Step *step);

#endif
