/* Guards against rows that DuckDB's parallel CSV reader loses: when the first line of a file's last
 * chunk is not as it should be, it passes over the whole chunk without an error. Such a file is
 * read by one thread, which tells what is wrong; so are compressed and remote files, each by one,
 * which takes no longer. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/csv.h"

/* The reader's threads take so many bytes each. */
enum { CHUNK = 8000000, WINDOW = 65536, LINES = 3 };

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

static bool chunk_is_odd(const char *path, const CsvDialect *dialect) {
    char head[WINDOW + 1], chunk[WINDOW + 1];
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool large = fstat(fd, &info) == 0 && info.st_size > CHUNK;
    size_t size = large ? read_window(fd, 0, head) : 0;
    const char *first = size > 0 ? memchr(head, '\n', size) : NULL;
    if (first != NULL) size = read_window(fd, (info.st_size - 1) / CHUNK * CHUNK, chunk);
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
    for (size_t i = 0; i < call->paths->count; i++) {
        const char *path = files_unescape(call->session->arena, call->paths->items[i]);
        bool packed = !str_eq(files_compression(call->link, path), "uncompressed");
        if (packed || chunk_is_odd(path, dialect)) return true;
    }
    return false;
}
