/* What the bytes of a file's head tell before the sniffer looks at it. The sniffer tries some
 * thirty dialects on all lines of its sample; when they are plain in just one, it is told which. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "connectors/csv.h"

typedef struct Scan {
    const char *at, *end;
    char delimiter;
} Scan;

static bool ends_field(const Scan *scan) {
    return scan->at == scan->end || *scan->at == scan->delimiter || *scan->at == '\n' ||
           *scan->at == '\r';
}

/* Past one field; false when its quotes are not those of RFC 4180. */
static bool skip_field(Scan *scan) {
    if (scan->at == scan->end || *scan->at != '"') {
        if (scan->at < scan->end && *scan->at == '\'') return false;
        while (!ends_field(scan))
            if (*scan->at++ == '"') return false;
        return true;
    }
    for (scan->at++; scan->at < scan->end; scan->at++) {
        if (*scan->at != '"') continue;
        if (scan->at + 1 < scan->end && scan->at[1] == '"') {
            scan->at++;
        } else {
            scan->at++;
            return ends_field(scan);
        }
    }
    return false;
}

static void skip_line_break(Scan *scan) {
    if (scan->at < scan->end && *scan->at == '\r') scan->at++;
    if (scan->at < scan->end && *scan->at == '\n') scan->at++;
}

/* Is every line of as many fields, two at least? */
static bool is_plain(const char *text, size_t size, char delimiter) {
    Scan scan = {text, text + size, delimiter};
    size_t expected = 0;
    while (scan.at < scan.end) {
        size_t fields = 1;
        if (!skip_field(&scan)) return false;
        for (; scan.at < scan.end && *scan.at == delimiter; fields++) {
            scan.at++;
            if (!skip_field(&scan)) return false;
        }
        skip_line_break(&scan);
        if (expected == 0) expected = fields;
        if (fields != expected || fields < 2) return false;
    }
    return expected > 0;
}

/* Is there a second with more than six digits behind the point? */
static bool has_long_fraction(const char *text, size_t size) {
    for (const char *at = text, *end = text + size;
         (at = memchr(at, '.', (size_t)(end - at))) != NULL; at++)
        if (at - text >= 3 && at[-3] == ':' && strspn(at + 1, "0123456789") > 6) return true;
    return false;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Does a field begin with one to three digits and a slash or hyphen, as 5/1/26 does? */
static bool has_short_year(const char *text, size_t size) {
    static const char ends[] = CSV_DELIMITERS "\"\r\n ";
    for (size_t i = 1; i < size; i++) {
        if (text[i] != '/' && text[i] != '-') continue;
        size_t first = i;
        while (first > 0 && is_digit(text[first - 1])) first--;
        if (i > first && i - first < 4 && (first == 0 || strchr(ends, text[first - 1]) != NULL))
            return true;
    }
    return false;
}

static size_t longest_digits(const char *text, size_t size) {
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < size; i++) {
        run = is_digit(text[i]) ? run + 1 : 0;
        if (run > longest) longest = run;
    }
    return longest;
}

/* More than 15 digits that no point stands before, or an exponent: only such a number may be past
 * what a double keeps exactly. */
static bool has_large_number(const char *text, size_t size) {
    enum { SURE = 15 };
    for (size_t i = 0; i < size; i++) {
        if (!is_digit(text[i])) continue;
        size_t start = i;
        while (i < size && is_digit(text[i])) i++;
        bool fraction = start > 0 && text[start - 1] == '.';
        if ((!fraction && i - start > SURE) || (i < size && (text[i] == 'e' || text[i] == 'E')))
            return true;
    }
    return false;
}

/* T and F are letters between two of the bytes that end fields. */
static bool has_lone_letter(const char *text, size_t size) {
    static const char ends[] = CSV_DELIMITERS "\"\r\n";
    for (size_t i = 0; i < size; i++)
        if ((text[i] == 'T' || text[i] == 'F') && (i == 0 || strchr(ends, text[i - 1]) != NULL) &&
            (i + 1 == size || strchr(ends, text[i + 1]) != NULL))
            return true;
    return false;
}

const char *const csv_null_words[] = {"na", "n/a", "#n/a", "null", "nil", "none", "-", "--", "?",
                                      NULL};

bool csv_is_null_word(const char *text, size_t size) {
    for (const char *const *word = csv_null_words; *word != NULL; word++)
        if (strlen(*word) == size && strncasecmp(*word, text, size) == 0) return true;
    return false;
}

static bool has_null_word(const char *text, size_t size) {
    static const char ends[] = CSV_DELIMITERS "\"\r\n";
    for (size_t i = 0; i < size; i++)
        if (strchr("nN#-?", text[i]) != NULL && (i == 0 || strchr(ends, text[i - 1]) != NULL) &&
            csv_is_null_word(text + i, strcspn(text + i, ends)))
            return true;
    return false;
}

/* The one delimiter that the file is plain with; 0 when there is none or a choice. */
static char plain_delimiter(const char *text, size_t size) {
    char found = '\0';
    for (const char *candidate = CSV_DELIMITERS; *candidate != '\0'; candidate++) {
        if (memchr(text, *candidate, size) == NULL || !is_plain(text, size, *candidate)) continue;
        if (found != '\0') return '\0';
        found = *candidate;
    }
    return found;
}

/* Options that change what a line or a field is leave it all to the sniffer. */
static bool is_usual(const FileCall *call, const char *path) {
    static const char *const options[] = {"delimiter", "quote_char", "escape_char", "comment_char",
                                          "skip_rows", "decimal_separator"};
    const Link *link = call->link;
    const char *encoding = link_text(link, "encoding"); /* NULL: utf-8 */
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (link_has(link, options[i])) return false;
    bool wide = encoding != NULL &&
                (str_istarts(encoding, "utf-16") || str_ieq(encoding, "utf16"));
    return !wide && str_eq(files_compression(link, path), "uncompressed");
}

static const char *hints(Arena *arena, const char *text, size_t size, char delimiter) {
    return arena_printf(arena, ", delim = '%c', quote = '\"'%s%s", delimiter,
                        memchr(text, '\\', size) == NULL ? ", escape = '\"'" : "",
                        memchr(text, '#', size) == NULL ? ", comment = ''" : "");
}

/* The file up to the last line that ends within CSV_SMALL bytes; NULL for one that is not local,
 * which is not worth the way, or cannot be read, of which DuckDB's reader will say more. */
static char *read_head(Arena *arena, const char *path, size_t *size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    char *text = arena_alloc(arena, CSV_SMALL + 1);
    ssize_t got = 0;
    for (*size = 0; *size < CSV_SMALL; *size += (size_t)got)
        if ((got = read(fd, text + *size, CSV_SMALL - *size)) <= 0) break;
    close(fd);
    if (got < 0) return NULL;
    if (got > 0) { /* there is more */
        while (*size > 0 && text[*size - 1] != '\n') --*size;
    }
    text[*size] = '\0';
    return memchr(text, '\0', *size) == NULL ? text : NULL;
}

/* Are all lines of the sniffer's sample in the head? */
static bool covers_sample(const FileCall *call, const char *text, size_t size) {
    if (csv_sees_all(call)) return call->bytes >= 0 && call->bytes <= CSV_SMALL;
    long long lines = 0;
    for (const char *at = text, *end = text + size;
         lines <= csv_sample(call) && (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
        lines++;
    return lines > csv_sample(call);
}

/* An error for a file that is packed, though its name and the options do not say so. */
static bool check_packing(const FileCall *call, const char *path, const char *head, Error *err) {
    static const struct {
        const char *mark, *how, *hint;
        size_t at;
    } kinds[] = {
        {"\x1f\x8b", "gzip", "say so: \"compression\": \"gzip\", or end its name in .gz", 0},
        {"\x28\xb5\x2f\xfd", "zstd", "say so: \"compression\": \"zstd\", or end its name in .zst",
         0},
        {"1AY&SY", "bzip2", "unpack it, or pack it by gzip or zstd", 4},
        {"\xfd" "7zXZ", "xz", "unpack it, or pack it by gzip or zstd", 0},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!str_starts(head + kinds[i].at, kinds[i].mark)) continue;
        error_set(err, ERR_FILE_FORMAT, link_span(call->link, "path"), "%s is compressed by %s",
                  path, kinds[i].how);
        return error_hint(err, "%s", kinds[i].hint);
    }
    return true;
}

bool csv_mixes_breaks(const char *path) {
    AUTO_ARENA arena = arena_new();
    size_t size = 0, alone = 0, both = 0;
    const char *text = read_head(arena, path, &size);
    bool quoted = false;
    for (size_t i = 0; text != NULL && i < size; i++) {
        if (text[i] == '"') quoted = !quoted;
        if (text[i] != '\n' || quoted) continue;
        if (i > 0 && text[i - 1] == '\r')
            both++;
        else
            alone++;
    }
    return alone > 0 && both > 0;
}

bool csv_check_encoding(const FileCall *call, Error *err) {
    char mark[11] = "";
    const char *path = files_unescape(call->session->arena, call->paths->items[0]);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return true; /* remote, or the reader will tell */
    ssize_t got = read(fd, mark, sizeof mark - 1);
    close(fd);
    if (got < 2) return true;
    if (str_eq(files_compression(call->link, path), "uncompressed") &&
        !check_packing(call, path, mark, err))
        return false;
    if (!str_starts(mark, "\xFE\xFF")) return true;
    error_set(err, ERR_FILE_FORMAT, link_span(call->link, "path"),
              "%s is UTF-16 with the high byte first, which cannot be read", path);
    return error_hint(err, "convert it: iconv -f UTF-16 -t UTF-8 '%s' > FILE", path);
}

const CsvBytes csv_unknown_bytes = {
    .hints = "", .longest_number = SIZE_MAX, .large_number = true, .lone_letter = true,
    .short_year = true, .long_fraction = true, .null_word = true};

CsvBytes csv_look_at_bytes(const FileCall *call, size_t index) {
    CsvBytes bytes = csv_unknown_bytes;
    const char *path = call->paths->items[index];
    if (!is_usual(call, path)) return bytes;
    AUTO_ARENA arena = arena_new();
    size_t size = 0;
    const char *text = read_head(arena, path, &size);
    if (text == NULL || !covers_sample(call, text, size)) return bytes;
    bytes.longest_number = longest_digits(text, size);
    bytes.large_number = has_large_number(text, size);
    bytes.lone_letter = has_lone_letter(text, size);
    bytes.short_year = has_short_year(text, size);
    bytes.long_fraction = has_long_fraction(text, size);
    bytes.null_word = has_null_word(text, size);
    if (str_starts(text, "\xEF\xBB\xBF")) {
        text += 3;
        size -= 3;
    }
    char delimiter = plain_delimiter(text, size);
    if (delimiter != '\0') bytes.hints = hints(call->session->arena, text, size, delimiter);
    return bytes;
}
