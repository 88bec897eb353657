/* The loader of libpq: dlopen once, every function of pq_api by name.
 * pq_api.h and pq_api_names.inc are generated from the PQ functions that the sources use. */
#include "connectors/postgres/load.h"

#include <dlfcn.h>
#include <pthread.h>

#include "pq_api.h"

struct PqApi pq_api;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool loaded;
static const char *missing; /* the function that the library lacks */

static void load(void)
{
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    void *symbol = NULL;
#define API_FN(name)                                                                              \
    symbol = dlsym(library, #name);                                                               \
    if (!symbol) {                                                                                \
        missing = #name;                                                                          \
        return;                                                                                   \
    }                                                                                             \
    *(void **)&pq_api.name = symbol;
#include "pq_api_names.inc"
#undef API_FN
    loaded = true;
}

bool pg_load(Error *err)
{
    pthread_once(&once, load);
    if (loaded) return true;
    if (missing)
        error_set(err, ERR_LIBRARY, SPAN_NONE, "libpq.so.5 is too old: it has no %s", missing);
    else
        error_set(err, ERR_LIBRARY, SPAN_NONE,
                  "the PostgreSQL client library libpq.so.5 cannot be loaded");
    return error_hint(err, "install it (Debian, Ubuntu: apt install libpq5)");
}
