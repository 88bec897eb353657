/* Lookup of the files that tools/embed put into the program. See embed.h.
 * The table is small and read a few times a run, so a plain scan serves. */
#include "base/embed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *embed_text(const char *name) {
    for (size_t i = 0; i < embedded_files_count; i++)
        if (strcmp(embedded_files[i].name, name) == 0)
            return (const char *)embedded_files[i].data;
    fprintf(stderr, "sqlflow: the program was built without its file '%s'\n", name);
    abort();
}
