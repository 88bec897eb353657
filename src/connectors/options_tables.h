/* Names that options.c recognises beside the tables of options.h. */
#ifndef SQLFLOW_CONNECTORS_OPTIONS_TABLES_H
#define SQLFLOW_CONNECTORS_OPTIONS_TABLES_H

#include "connectors/options.h"

/* Options of older pipelines and other tools that have no effect anywhere; NULL ends the list. */
extern const char *const ignored_options[];

#endif
