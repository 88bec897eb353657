/* The module's one exported symbol: the table of what the program may ask of it. */
#include "udf/python/host.h"

static const char *python_version(void) {
    static char version[32];
    snprintf(version, sizeof version, "%.*s", (int)strcspn(Py_GetVersion(), " "), Py_GetVersion());
    return version;
}

extern const PythonApi sqlflow_python;
const PythonApi sqlflow_python = {
    .abi = PYTHON_ABI,
    .start = host_start,
    .version = python_version,
    .import_file = discover_file,
    .hooks = discover_hooks,
    .register_scalar = scalar_register,
    .call_table = table_call,
    .give_back = batches_give_back,
    .interrupt = thread_interrupt,
    .arm = thread_arm,
    .stop = host_stop,
};
