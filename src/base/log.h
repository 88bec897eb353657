/* Log: events to stderr and to the run's file, as text or one JSON object a line.
 * One logger per process, set up once by the command line. Every text is redacted. */
#ifndef SQLFLOW_BASE_LOG_H
#define SQLFLOW_BASE_LOG_H

#include <stdbool.h>

#include "base/error.h"

typedef enum LogLevel { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR } LogLevel;

typedef struct LogConfig {
    LogLevel level;      /* of the file and of stderr */
    bool json;           /* --log-format json: events on stderr as JSON lines */
    bool to_stderr;      /* text events on stderr (-v) */
    bool quiet;          /* of those on stderr, errors only (-q) */
    const char *run_id;  /* may be NULL */
} LogConfig;

void log_configure(const LogConfig *config);
/* Opens the run's log file for appending, making its folder (level info and above, or as
 * configured). */
bool log_open_file(const char *path, Error *err);
void log_set_run(const char *run_id);
void log_close(void);
/* `event` is a short stable name ("step_started"); `step` may be NULL. */
void log_event(LogLevel level, const char *step, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool log_level_parse(const char *name, LogLevel *level);

#endif
