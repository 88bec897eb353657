/* The journal: one line "connector TAB export id TAB destination" for each export that a run stages
 * outside the database, written before the staging begins. It lies beside the database (in memory
 * mode in .sqlflow/, locked by its process) and ends with the run. */
#include "run/context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fs.h"

static const char *const MEMORY_DIR = ".sqlflow";
static const char *const SUFFIX = ".staged";

static const char *journal_path(Run *run) {
    const EngineConfig *engine = &run->project->profile.engine;
    if (engine->persistent) return arena_printf(run->arena, "%s%s", engine->path, SUFFIX);
    return arena_printf(run->arena, "%s/memory-%ld%s", MEMORY_DIR, (long)getpid(), SUFFIX);
}

static bool open_journal(Run *run, Error *err) {
    if (run->journal_fd >= 0) return true;
    run->journal = journal_path(run);
    if (!run->project->profile.engine.persistent && !fs_mkdirs(MEMORY_DIR, 0700, err)) return false;
    run->journal_fd = open(run->journal, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (run->journal_fd < 0) return fs_error(err, "open", run->journal);
    /* Only in memory mode does another process look: elsewhere the database's lock keeps it out. */
    flock(run->journal_fd, LOCK_EX | LOCK_NB);
    return true;
}

bool journal_add(Run *run, const char *connector, const WriteSpec *spec, Error *err) {
    if (!open_journal(run, err)) return false;
    AUTO_ARENA scratch = arena_new();
    /* Whoever shares the database may run in another folder. */
    const char *destination = fs_join(scratch, fs_absolute(scratch, "."), spec->destination);
    const char *line = arena_printf(scratch, "%s\t%s\t%s\n", connector, spec->export_id,
                                    destination);
    size_t size = strlen(line);
    /* Not synced: it must outlive this process, not the machine. After a power cut the worst is a
     * temporary file that nobody clears away. */
    return write(run->journal_fd, line, size) == (ssize_t)size ||
           fs_error(err, "write", run->journal);
}

static bool is_pending(const ExportRecords *pending, const char *export_id) {
    for (size_t i = 0; i < pending->count; i++)
        if (str_eq(pending->items[i].export_id, export_id)) return true;
    return false;
}

/* A last line without its newline was never acted upon: staging waits for the sync. */
static bool clear_line(Run *run, char *line, const ExportRecords *pending, Error *err) {
    char *id = strchr(line, '\t'), *destination = id == NULL ? NULL : strchr(id + 1, '\t');
    if (destination == NULL) return true;
    *id++ = '\0';
    *destination++ = '\0';
    const Connector *connector = connector_find(line);
    if (connector == NULL || connector->unstage == NULL || is_pending(pending, id)) return true;
    Session session = {.arena = run->arena, .duck = run->duck, .diags = &run->report->diags,
                       .stop = &run->stop};
    WriteSpec spec = {.export_id = id, .destination = destination, .rows = -1};
    Staged staged = {.rows = -1, .bytes = -1};
    return connector->unstage(&session, &spec, &staged, err);
}

static bool clear_journal(Run *run, const char *path, const ExportRecords *pending, Error *err) {
    size_t size = 0;
    char *text = fs_read(run->arena, path, &size, err);
    if (text == NULL) return false;
    for (char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
        *end = '\0';
        if (!clear_line(run, text, pending, err)) return false;
    }
    if (unlink(path) != 0 && errno != ENOENT) return fs_error(err, "remove", path);
    return true;
}

/* Journals of processes in memory mode that are gone: their lock can be had. */
static bool clear_memory_journals(Run *run, Error *err) {
    Strings names = {0};
    ExportRecords none = {0};
    if (!fs_is_dir(MEMORY_DIR)) return true;
    if (!fs_list(run->arena, MEMORY_DIR, &names, err)) return false;
    for (size_t i = 0; i < names.count; i++) {
        if (!str_starts(names.items[i], "memory-") || !str_ends(names.items[i], SUFFIX)) continue;
        const char *path = fs_join(run->arena, MEMORY_DIR, names.items[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) continue;
        bool dead = flock(fd, LOCK_EX | LOCK_NB) == 0;
        bool ok = !dead || clear_journal(run, path, &none, err);
        close(fd);
        if (!ok) return false;
    }
    return true;
}

bool journal_recover(Run *run, Error *err) {
    if (!run->project->profile.engine.persistent) return clear_memory_journals(run, err);
    const char *path = journal_path(run);
    if (!fs_exists(path)) return true;
    ExportRecords pending = {0};
    return state_exports_pending(run->duck, run->arena, &pending, err) &&
           clear_journal(run, path, &pending, err);
}

void journal_end(Run *run) {
    if (run->journal_fd < 0) return;
    unlink(run->journal);
    close(run->journal_fd);
    run->journal_fd = -1;
}
