/* Inside the room: the project's files and functions as known so far. */
#ifndef SQLFLOW_UDF_CATALOG_H
#define SQLFLOW_UDF_CATALOG_H

#include "base/map.h"
#include "udf/python.h"

typedef enum FileState { FILE_NEW, FILE_IMPORTED, FILE_FAILED } FileState;

typedef struct UdfFile {
    const char *path, *module, *import_name;
    bool loose;    /* lies outside of the folders: imported by its path */
    Strings names; /* functions that it may define, read from the text */
    bool computed; /* it may define more: a name in it is computed */
    FileState state;
    Error error; /* FILE_FAILED */
    int line;
} UdfFile;

struct Udfs {
    Arena *arena;
    UdfConfig config;
    const PythonApi *api; /* NULL until Python is needed */
    const char *python;
    bool scanned, has_computed;
    Strings packages; /* names of the folders: python_udfs */
    Strings path;     /* for sys.path: the project, parents of the folders */
    struct {
        UdfFile **items;
        size_t count, capacity;
    } files;
    UdfList functions; /* of the files imported so far */
    Map defined;       /* name → Indexes of files, from their texts */
    Map builtin;       /* name → const Builtin *, of those looked up */
    struct {
        UdfUse **items;
        size_t count, capacity;
    } uses;
    struct {
        UdfTableCall **items;
        size_t count, capacity;
    } calls;
};

#define TABLE_CALL_PREFIX "_sqlflow_py_"

/* Lists the files and reads which names they define; once. */
void catalog_scan(Udfs *udfs);
/* May a file define a function of this bare name? By its text alone. */
bool catalog_may_define(Udfs *udfs, const char *name);
/* Does a file define it by a name that is computed? Imports the files that have such. */
bool catalog_computes(Udfs *udfs, const char *name);
/* Loads Python once. */
bool catalog_start(Udfs *udfs, Error *err);
/* Imports a file once; a failure stays with the file. false without Python only. */
bool catalog_import(Udfs *udfs, UdfFile *file, Error *err);
/* What DuckDB itself makes of the name. In quotes, a reserved word is a name like any other. */
typedef enum Builtin { BUILTIN_NONE, BUILTIN_WORD, BUILTIN_FUNCTION } Builtin;
Builtin catalog_builtin(Udfs *udfs, Duck *duck, const char *name);

/* The function of that number that a table call stands for, by its SQL name; or NULL. */
UdfTableCall *catalog_call(const Udfs *udfs, const char *sql_name);

#endif
