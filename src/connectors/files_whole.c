/* Are compressed files whole? DuckDB reads what a file that was cut off still gives, and says
 * nothing. A zstd file tells by the sizes of its blocks, a gzip file has to be unpacked once more,
 * by the system's zlib; where there is none, that is told. */
#include <dlfcn.h>
#include <string.h>
#include <sys/stat.h>

#include "connectors/files.h"

enum { BUFFER = 1024 * 1024, GZIP_WINDOW = 15 + 16, NO_FLUSH = 0,
       OK = 0, STREAM_END = 1, NO_PROGRESS = -5 };

/* zlib's z_stream and functions, as zlib.h declares them. */
typedef struct Stream {
    const unsigned char *next_in;
    unsigned avail_in;
    unsigned long total_in;
    unsigned char *next_out;
    unsigned avail_out;
    unsigned long total_out;
    const char *msg;
    void *state, *alloc, *free, *opaque;
    int data_type;
    unsigned long adler, reserved;
} Stream;

typedef struct Zlib {
    int (*init)(Stream *stream, int window, const char *version, int size);
    int (*inflate)(Stream *stream, int flush);
    int (*reset)(Stream *stream);
    int (*end)(Stream *stream);
} Zlib;

/* A file that is looked at. */
typedef struct Packed {
    Session *session;
    DuckFile *file;
    int64_t size;
    bool whole;
} Packed;

static bool zlib_load(Zlib *zlib) {
    void *library = dlopen("libz.so.1", RTLD_LAZY | RTLD_LOCAL); /* stays loaded */
    if (library == NULL) return false;
    *(void **)&zlib->init = dlsym(library, "inflateInit2_");
    *(void **)&zlib->inflate = dlsym(library, "inflate");
    *(void **)&zlib->reset = dlsym(library, "inflateReset");
    *(void **)&zlib->end = dlsym(library, "inflateEnd");
    return zlib->init != NULL && zlib->inflate != NULL && zlib->reset != NULL && zlib->end != NULL;
}

static bool goes_on(int state) {
    return state == OK || state == STREAM_END || state == NO_PROGRESS;
}

/* zlib compares sizes and checksums at the end of each member. What follows and does not begin
 * like a member is nothing; a file of nothing else is not gzip's, which the reader will tell. */
static bool unpack(const Zlib *zlib, Packed *packed, Stream *stream, Error *err) {
    AUTO_ARENA arena = arena_new();
    unsigned char *in = arena_alloc(arena, BUFFER), *out = arena_alloc(arena, BUFFER);
    int state = OK;
    for (bool more = true; goes_on(state);) {
        if (packed->session->stop != NULL && *packed->session->stop)
            return error_set(err, ERR_INTERRUPTED, SPAN_NONE, "interrupted");
        if (stream->avail_in == 0 && more) {
            int64_t got = duck_file_read(packed->file, in, BUFFER, err);
            if (got < 0) return false;
            if (got == 0) break;
            stream->next_in = in;
            stream->avail_in = (unsigned)got;
        }
        stream->next_out = out;
        stream->avail_out = BUFFER;
        state = zlib->inflate(stream, NO_FLUSH);
        more = stream->avail_out > 0; /* else it has not given all yet */
        if (state == STREAM_END) zlib->reset(stream);
    }
    packed->whole = stream->total_in < (goes_on(state) ? 2 : 3);
    return true;
}

static bool check_gzip(const Zlib *zlib, Packed *packed, Error *err) {
    Stream stream = {0};
    packed->whole = true;
    if (zlib->init(&stream, GZIP_WINDOW, "1", (int)sizeof stream) != OK) return true;
    bool ok = unpack(zlib, packed, &stream, err);
    zlib->end(&stream);
    return ok;
}

/* Little-endian, at a place of the file. packed->whole: was it there? */
static bool read_number(Packed *packed, int64_t at, int64_t size, uint32_t *number, Error *err) {
    unsigned char bytes[4] = {0};
    packed->whole = size <= packed->size && at <= packed->size - size;
    if (!packed->whole || !duck_file_seek(packed->file, at, err)) return false;
    int64_t got = duck_file_read(packed->file, bytes, size, err);
    packed->whole = got == size;
    *number = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
              (uint32_t)bytes[3] << 24;
    return packed->whole;
}

/* Past one frame: RFC 8878, 3.1. */
static bool skip_frame(Packed *packed, int64_t *at, Error *err) {
    static const int dictionary_sizes[] = {0, 1, 2, 4}, content_sizes[] = {0, 2, 4, 8};
    uint32_t magic, flags, block;
    if (!read_number(packed, *at, 4, &magic, err)) return false;
    if (magic >> 4 == 0x184D2A5) { /* of no content */
        if (!read_number(packed, *at + 4, 4, &block, err)) return false;
        *at += 8 + (int64_t)block;
        return true;
    }
    packed->whole = magic == 0xFD2FB528;
    if (!packed->whole || !read_number(packed, *at + 4, 1, &flags, err)) return false;
    bool single = (flags >> 5 & 1) != 0;
    *at += 5 + !single + dictionary_sizes[flags & 3] + content_sizes[flags >> 6] +
           (single && flags >> 6 == 0);
    do {
        if (!read_number(packed, *at, 3, &block, err)) return false;
        *at += 3 + ((block >> 1 & 3) == 1 ? 1 : (int64_t)(block >> 3)); /* 1: one byte, repeated */
    } while ((block & 1) == 0);
    *at += (flags & 4) != 0 ? 4 : 0;
    return true;
}

static bool check_zstd(Packed *packed, Error *err) {
    int64_t at = 0;
    packed->size = duck_file_size(packed->file);
    while (at < packed->size && skip_frame(packed, &at, err)) continue;
    packed->whole = at == packed->size;
    return err->code == ERR_NONE;
}

static bool check_file(const Files *files, const char *path, Error *err) {
    AUTO_DUCK_FILE file = NULL;
    Session *session = files->session;
    bool zstd = str_eq(files_compression(files->link, path), "zstd"), ok;
    Zlib zlib;
    if (!zstd && !zlib_load(&zlib)) {
        if (session->diags != NULL)
            diag_warning(session->diags, WARN_UNCHECKED, link_span(files->link, "path"),
                         "%s: whether it is whole cannot be checked without zlib (libz.so.1)",
                         path);
        return true;
    }
    ok = duck_file_open(session->duck, session->arena, path, &file, err);
    Packed packed = {.session = session, .file = file};
    ok = ok && (zstd ? check_zstd(&packed, err) : check_gzip(&zlib, &packed, err));
    if (!ok || packed.whole) return ok || files_error(files->link, files->paths, err);
    error_set(err, ERR_FILE_FORMAT, link_span(files->link, "path"), "%s is damaged or not whole",
              path);
    return error_hint(err, "`%s -t` tells the same: fetch the file again", zstd ? "zstd" : "gzip");
}

static bool is_packed(const Files *files, const char *path) {
    return files->format != &parquet_format &&
           !str_eq(files_compression(files->link, path), "uncompressed");
}

/* A local file that is still the same is checked once. */
static bool check_local(const Files *files, const char *path, Error *err) {
    Map *memo = files->session->memo;
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) return true;
    const char *key = arena_printf(files->session->arena, "whole %s %lld %lld.%09ld", path,
                                   (long long)info.st_size, (long long)info.st_mtim.tv_sec,
                                   info.st_mtim.tv_nsec);
    if (memo != NULL && map_has(memo, key)) return true;
    if (!check_file(files, path, err)) return false;
    if (memo != NULL) map_set(memo, key, NULL);
    return true;
}

bool files_check_whole(const Files *files, Error *err) {
    bool local = (files->link->connector->can & IS_LOCAL) != 0;
    for (size_t i = 0; i < files->paths->count; i++) {
        const char *path = files->paths->items[i];
        if (!is_packed(files, path)) continue;
        if (local ? !check_local(files, path, err) : !check_file(files, path, err)) return false;
    }
    return true;
}
