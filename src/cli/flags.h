/* Rows of flags that several commands share, for their tables. */
#ifndef SQLFLOW_CLI_FLAGS_H
#define SQLFLOW_CLI_FLAGS_H

#include "cli/command.h"

#define FLAG_ROW_VAR                                                                               \
    { "var", 0, FLAG_LIST, "NAME=VALUE", NULL, "set a variable of the pipeline" }
#define FLAG_ROW_VARS                                                                              \
    { "vars", 0, FLAG_LIST, "JSON|k=v,k=v", NULL, "set several variables" }
#define FLAG_ROW_END                                                                               \
    { NULL, 0, FLAG_SWITCH, NULL, NULL, NULL }

#endif
