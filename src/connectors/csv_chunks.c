/* How much of a file DuckDB's parallel CSV reader takes at a time, and a guard against rows that it
 * loses: when the first line of a file's last chunk is not as it should be, it passes over the
 * whole chunk without an error. Such a file is read by one thread, which tells what is wrong; so
 * are compressed and remote files, each by one, which takes no longer. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/csv.h"

enum { WINDOW = 65536, LINES = 3 };

/* DuckDB takes buffers of 16 of the longest lines, and a quarter of one is for a thread. */
enum { LINE_SIZE = 2000000, LINES_A_BUFFER = 16, LINES_A_CHUNK = 4, LEAST_LINES = 2 };

static int64_t line_size(const FileCall *call) {
    if (!link_has(call->link, "max_line_size")) return LINE_SIZE;
    int64_t given = link_int(call->link, "max_line_size");
    return given < INT32_MAX ? given : INT32_MAX; /* any file's buffers would take all memory */
}

/* Each thread may hold several, and each open file one: they would use up a small memory_limit.
 * Halved, a buffer remains a whole number of chunks. */
static int64_t buffer_size(const FileCall *call) {
    enum { SHARE = 8 };
    DuckMemory memory = duck_memory(call->session->duck);
    int64_t share = memory.limit / memory.threads / SHARE, line = line_size(call);
    int64_t size = LINES_A_BUFFER * line;
    while (size > share && size > LEAST_LINES * line) size /= 2;
    return size;
}

static int64_t chunk_size_of(const FileCall *call) {
    int64_t size = buffer_size(call) / LINES_A_BUFFER * LINES_A_CHUNK, line = line_size(call);
    return size < line ? line : size;
}

void csv_put_buffer(Buf *out, const FileCall *call) {
    int64_t size = buffer_size(call);
    if (size < LINES_A_BUFFER * line_size(call))
        buf_printf(out, ", buffer_size = %lld", (long long)size);
}

/* Bytes from `at` on, NUL-terminated; their number. */
static size_t read_window(int fd, off_t at, char window[WINDOW + 1]) {
    ssize_t got = pread(fd, window, WINDOW, at);
    window[got > 0 ? got : 0] = '\0';
    return strlen(window);
}

static bool ends_in_return(const char *line, const char *end) {
    return end > line && end[-1] == '\r';
}

/* The line's fields; one more behind a delimiter at its end does not count. */
static size_t count_fields(const char *line, const char *end, const char *delimiter) {
    size_t fields = 1, size = strlen(delimiter);
    if (ends_in_return(line, end)) end--;
    for (const char *at = line; (at = strstr(at, delimiter)) != NULL && at + size <= end;
         at += size)
        if (at + size < end) fields++;
    return fields;
}

/* What holds quotes may be anything, as far as can be told from here. */
static bool is_odd(const CsvDialect *dialect, const char *line, const char *end, bool returns) {
    char quote = *dialect->quote != '\0' ? *dialect->quote : '"';
    if (memchr(line, quote, (size_t)(end - line)) != NULL) return false;
    return ends_in_return(line, end) != returns ||
           count_fields(line, end, dialect->delimiter) != dialect->columns.count;
}

static bool chunk_is_odd(const char *path, const CsvDialect *dialect, int64_t chunk_size) {
    char head[WINDOW + 1], chunk[WINDOW + 1];
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool large = fstat(fd, &info) == 0 && info.st_size > chunk_size;
    size_t size = large ? read_window(fd, 0, head) : 0;
    const char *first = size > 0 ? memchr(head, '\n', size) : NULL;
    if (first != NULL)
        size = read_window(fd, (info.st_size - 1) / chunk_size * chunk_size, chunk);
    close(fd);
    if (first == NULL) return false;
    const char *line = memchr(chunk, '\n', size);
    for (size_t i = 0; line != NULL && i < LINES; i++) {
        const char *end = strchr(++line, '\n');
        if (end == NULL) end = line + strlen(line);
        if (end > line && is_odd(dialect, line, end, ends_in_return(head, first))) return true;
        line = *end == '\n' ? end : NULL;
    }
    return false;
}

bool csv_may_lose_rows(const FileCall *call, const CsvDialect *dialect) {
    if (call->bytes < 0) return true;
    int64_t chunk_size = chunk_size_of(call);
    for (size_t i = 0; i < call->paths->count; i++) {
        const char *path = files_unescape(call->session->arena, call->paths->items[i]);
        bool packed = !str_eq(files_compression(call->link, path), "uncompressed");
        if (packed || chunk_is_odd(path, dialect, chunk_size)) return true;
    }
    return false;
}
