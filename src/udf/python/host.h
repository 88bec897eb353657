/* Inside the Python module: what its files share. All Python code runs on one thread that owns
 * the interpreter (see thread.c), so that signals can wake it out of any blocking call. */
#ifndef SQLFLOW_UDF_PYTHON_HOST_H
#define SQLFLOW_UDF_PYTHON_HOST_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <signal.h>

#include "udf/python.h"

/* -- thread.c ------------------------------------------------------------------------------ */

enum { WAKE_SIGNAL = SIGURG }; /* means KeyboardInterrupt */
typedef void (*PythonJob)(void *argument);
/* Starts the thread, which runs `boot` with the interpreter not yet there. */
bool thread_start(bool (*boot)(void *argument), void *argument);
/* Runs the job on Python's thread with the GIL held and waits for its end. false when that thread
 * was given up, before or meanwhile: the job may then still be running. */
bool thread_run(PythonJob job, void *argument, Error *err);
/* Around calls of the user's code, on Python's thread. Only within them may it be given up; it then
 * never comes back to what its caller has long forgotten. */
extern volatile sig_atomic_t thread_in_user, thread_lost;
_Noreturn void thread_park(void);
static inline void user_begin(void) { thread_in_user = 1; }
static inline void user_end(void) {
    thread_in_user = 0;
    if (thread_lost) thread_park();
}
/* Around a wait for DuckDB on Python's thread, GIL released: callbacks of other threads may use
 * Python meanwhile. */
void thread_lend(void);
void thread_unlend(void);
void thread_interrupt(void);
void thread_arm(bool on);
bool thread_armed(void);
bool thread_interrupted(void);

/* -- boot.c -------------------------------------------------------------------------------- */

extern PyObject *host_module; /* sqlflow._data, which has all of sqlflow._host too */
bool host_start(const PythonConfig *config, Error *err);
void host_stop(void);
/* A new reference, or NULL with a Python error set. */
PyObject *host_call(const char *function, const char *format, ...);

/* -- error.c ------------------------------------------------------------------------------- */

/* Takes the pending Python exception and describes it: "ValueError: bad …", place, traceback.
 * `what` starts the message; *line gets the line in the user's file, or 0. A KeyboardInterrupt
 * after an interrupt gives ERR_INTERRUPTED. */
void error_take(Error *err, ErrorCode code, const char *what, int *line);
/* The same of a function that was called (ERR_UDF), with its arguments (text or NULL). */
void error_take_call(Error *err, const Udf *udf, const char *arguments);
/* Python's name of a value's type. */
const char *type_name(PyObject *value);
/* "a = 1, b = 'x'": what a function was called with; secrets masked, long values cut. */
const char *arguments_text(Arena *arena, const UdfUse *use, PyObject *const *values);

/* -- read.c: vectors → Python -------------------------------------------------------------- */

typedef struct Reader Reader;
struct Reader {
    int type; /* duckdb_type */
    const void *data;
    const uint64_t *validity; /* NULL: all valid */
    int internal;             /* DECIMAL, ENUM: type of the stored value */
    uint8_t scale;
    uint64_t array_size;
    void *vector;     /* duckdb_vector */
    Reader *children; /* LIST, ARRAY: 1; STRUCT, UNION: one a member; MAP: its list */
    size_t child_count;
    PyObject **names; /* STRUCT: keys; ENUM: its texts */
    size_t name_count;
};

bool read_init(void); /* once: classes that values are made of */
/* Prepares for a type (a duckdb_logical_type); names are made once here. */
bool reader_make(Reader *reader, void *type, Error *err);
void reader_free(Reader *reader);
/* Points it at a vector of that type; repeat for every chunk (and after lists grew). */
void reader_attach(Reader *reader, void *vector);
/* New reference; NULL with a Python error set when the value has no counterpart in Python. */
PyObject *reader_get(const Reader *reader, uint64_t row);

static inline bool reader_is_null(const Reader *reader, uint64_t row) {
    return reader->validity && !((reader->validity[row >> 6] >> (row & 63)) & 1);
}

/* -- write.c: Python → vectors ------------------------------------------------------------- */

typedef struct Writer Writer;
struct Writer {
    int type;
    void *data;
    void *vector;
    void *logical; /* duckdb_logical_type, owned */
    int internal;
    uint8_t width, scale;
    uint64_t array_size;
    Writer *children;
    size_t child_count;
    PyObject **names; /* STRUCT: keys; ENUM: its texts */
    size_t name_count;
    bool *needed;       /* STRUCT: which keys a dict must have; NULL: none, a lacking one is NULL */
    uint64_t list_size; /* LIST: elements so far in this chunk */
    uint64_t list_room;
};

bool write_init(void);
bool writer_make(Writer *writer, void *type, Error *err);
/* Dicts must have the keys of the STRUCTs, but for `optional` ones. */
void writer_need_keys(Writer *writer, const Strings *optional);
void writer_free(Writer *writer);
void writer_attach(Writer *writer, void *vector);
/* false with `why` filled when the value is not of the type or does not fit. Python errors raised
 * on the way are cleared. */
bool writer_put(Writer *writer, uint64_t row, PyObject *value, Buf *why);
/* Of writer_put's reason: the value is of another type (and not one that does not fit). */
bool writer_refused_type(const Buf *why);
void writer_put_null(Writer *writer, uint64_t row);
/* Lists, structs, maps, enums (nested.c). */
bool writer_put_nested(Writer *writer, uint64_t row, PyObject *value, Buf *why);
/* BIT (bits.c): a text of 0 and 1 in Python. */
PyObject *bits_to_python(const char *data, size_t size);
bool bits_from_python(Writer *writer, uint64_t row, PyObject *value, Buf *why);
/* The type as DuckDB writes it, for messages. */
const char *writer_type_text(Arena *arena, const Writer *writer);

/* -- scalar.c, vector.c, table.c ----------------------------------------------------------- */

typedef struct ScalarCall ScalarCall;
bool scalar_register(void *connection, UdfUse *use, void *const *types, UdfRun *run, Error *err);
/* Vectorized functions: made ready once, then one chunk at a time. */
bool vector_prepare(ScalarCall *call, void *connection, void *const *types, Error *err);
void vector_free(ScalarCall *call);
bool vector_chunk(ScalarCall *call, void *chunk, void *output, Error *err);
bool table_call(TableJob *job, Error *err);
void batches_give_back(UdfTableCall *call);
bool discover_file(Arena *arena, const Udf *origin, UdfList *list, int *line, Error *err);
bool discover_hooks(const char *import_name, bool setup, Error *err);

/* An owned reference in a local. */
static inline void object_cleanup(PyObject **object) { Py_XDECREF(*object); }
#define AUTO_OBJECT __attribute__((cleanup(object_cleanup))) PyObject *

#endif
