/* What the `udf` commands share. */
#ifndef SQLFLOW_CLI_UDF_H
#define SQLFLOW_CLI_UDF_H

#include "cli/context.h"
#include "udf/udf.h"

extern const Command command_udf_create, command_udf_register, command_udf_test;

/* Opens the project and its profile; NULL after reporting, with *code. From here on the guard ends
 * the command on a signal. */
Udfs *udf_open(Context *context, Cli *cli, int *code);
/* The same, and the function that the command's first word names; NULL as above. */
const Udf *udf_open_named(Context *context, Cli *cli, Udfs **udfs, int *code);

/* A file that was typed: from the working folder, else from the project's; false when there is
 * none. */
bool udf_file(const Context *context, const char *typed, const char **file, Error *err);

#endif
