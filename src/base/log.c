/* The process's one logger: events as lines to stderr and to the run's file. See log.h.
 * Events come from the run's thread and from connectors' threads, so lines are written whole. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/redact.h"

static struct {
    pthread_mutex_t lock;
    LogConfig config;
    char run_id[64];
    int file;
} logger = {.lock = PTHREAD_MUTEX_INITIALIZER, .config.level = LOG_INFO, .file = -1};

static const char *const level_names[] =
    {[LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARNING] = "warning", [LOG_ERROR] = "error"};

bool log_level_parse(const char *name, LogLevel *level) {
    if (str_ieq(name, "warn")) name = "warning";
    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
        if (!str_ieq(name, level_names[i])) continue;
        *level = (LogLevel)i;
        return true;
    }
    return false;
}

static void set_run(const char *run_id) {
    snprintf(logger.run_id, sizeof logger.run_id, "%s", run_id == NULL ? "" : run_id);
}

void log_configure(const LogConfig *config) {
    pthread_mutex_lock(&logger.lock);
    logger.config = *config;
    set_run(config->run_id);
    pthread_mutex_unlock(&logger.lock);
}

void log_set_run(const char *run_id) {
    pthread_mutex_lock(&logger.lock);
    set_run(run_id);
    pthread_mutex_unlock(&logger.lock);
}

bool log_open_file(const char *path, Error *err) {
    AUTO_ARENA arena = arena_new();
    if (!fs_mkdirs(fs_dirname(arena, path), 0755, err)) return false;
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0) return fs_error(err, "open the log", path);
    log_close();
    pthread_mutex_lock(&logger.lock);
    logger.file = file;
    pthread_mutex_unlock(&logger.lock);
    return true;
}

void log_close(void) {
    pthread_mutex_lock(&logger.lock);
    if (logger.file >= 0) close(logger.file);
    logger.file = -1;
    pthread_mutex_unlock(&logger.lock);
}

/* A log that cannot be written (full disk) must not stop the run, so errors end the writing. */
static void write_line(int file, const char *text, size_t size) {
    while (size > 0) {
        ssize_t written = write(file, text, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;
        text += written;
        size -= (size_t)written;
    }
}

typedef struct Event {
    LogLevel level;
    const char *step, *name, *message;
} Event;

static void json_line(Buf *out, const Event *event, int64_t now) {
    JsonWriter json = json_writer(out, false);
    json_object(&json, NULL);
    json_string(&json, "ts", clock_iso(out->arena, now));
    json_string(&json, "level", level_names[event->level]);
    json_string(&json, "run_id", logger.run_id[0] == '\0' ? NULL : logger.run_id);
    json_string(&json, "step", event->step);
    json_string(&json, "event", event->name);
    if (event->message[0] != '\0') json_string(&json, "message", event->message);
    json_end(&json);
    if (out->data[out->size - 1] != '\n') buf_putc(out, '\n');
}

static void text_line(Buf *out, const Event *event, int64_t now) {
    buf_printf(out, "%s %-7s %s", clock_iso(out->arena, now), level_names[event->level],
               event->name);
    if (event->step != NULL) buf_printf(out, " [%s]", event->step);
    if (event->message[0] != '\0') buf_printf(out, " %s", event->message);
    buf_putc(out, '\n');
}

void log_event(LogLevel level, const char *step, const char *event, const char *format, ...) {
    pthread_mutex_lock(&logger.lock);
    bool to_stderr = (logger.config.json || logger.config.to_stderr) &&
                     (!logger.config.quiet || level == LOG_ERROR);
    if (level < logger.config.level || (!to_stderr && logger.file < 0)) {
        pthread_mutex_unlock(&logger.lock);
        return;
    }
    AUTO_ARENA arena = arena_new();
    va_list args;
    va_start(args, format);
    const char *message = redact_text(arena, arena_vprintf(arena, format, args));
    va_end(args);
    Event what = {level, step, event, message};
    Buf line = buf_on(arena);
    if (logger.config.json)
        json_line(&line, &what, clock_wall_us());
    else
        text_line(&line, &what, clock_wall_us());
    if (to_stderr) write_line(STDERR_FILENO, line.data, line.size);
    if (logger.file >= 0) write_line(logger.file, line.data, line.size);
    pthread_mutex_unlock(&logger.lock);
}
