/* Are compressed local files whole? DuckDB reads what a file that was cut off still gives, and says
 * nothing. A zstd file tells by the sizes of its blocks, a gzip file has to be unpacked once more,
 * by the system's zlib; where there is none, that is told. */
#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/files.h"

enum { BUFFER = 256 * 1024 };

/* zlib's functions for files, as zlib.h declares them. */
typedef struct Zlib {
    void *(*open)(const char *path, const char *mode);
    int (*read)(void *file, void *buffer, unsigned size);
    int (*close)(void *file);
} Zlib;

static bool zlib_load(Zlib *zlib) {
    void *library = dlopen("libz.so.1", RTLD_LAZY | RTLD_LOCAL); /* stays loaded */
    if (library == NULL) return false;
    *(void **)&zlib->open = dlsym(library, "gzopen");
    *(void **)&zlib->read = dlsym(library, "gzread");
    *(void **)&zlib->close = dlsym(library, "gzclose_r");
    return zlib->open != NULL && zlib->read != NULL && zlib->close != NULL;
}

/* zlib compares sizes and checksums at the end of each member. */
static bool gzip_is_whole(const Zlib *zlib, const char *path) {
    AUTO_ARENA arena = arena_new();
    void *buffer = arena_alloc(arena, BUFFER), *file = zlib->open(path, "rb");
    int got = 0;
    if (file == NULL) return true; /* the reader will tell why */
    while ((got = zlib->read(file, buffer, BUFFER)) > 0) continue;
    return zlib->close(file) == 0 && got == 0;
}

static bool read_number(int fd, off_t at, size_t size, uint32_t *number) {
    unsigned char bytes[4] = {0};
    if (pread(fd, bytes, size, at) != (ssize_t)size) return false;
    *number = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
              (uint32_t)bytes[3] << 24;
    return true;
}

/* Past one frame: RFC 8878, 3.1. */
static bool skip_frame(int fd, off_t *at) {
    static const int dictionary_sizes[] = {0, 1, 2, 4}, content_sizes[] = {0, 2, 4, 8};
    uint32_t magic, flags, block;
    if (!read_number(fd, *at, 4, &magic)) return false;
    if (magic >> 4 == 0x184D2A5) { /* of no content */
        if (!read_number(fd, *at + 4, 4, &block)) return false;
        *at += 8 + (off_t)block;
        return true;
    }
    if (magic != 0xFD2FB528 || !read_number(fd, *at + 4, 1, &flags)) return false;
    bool single = (flags >> 5 & 1) != 0;
    *at += 5 + !single + dictionary_sizes[flags & 3] + content_sizes[flags >> 6] +
           (single && flags >> 6 == 0);
    do {
        if (!read_number(fd, *at, 3, &block)) return false;
        *at += 3 + ((block >> 1 & 3) == 1 ? 1 : (off_t)(block >> 3)); /* 1: one byte, repeated */
    } while ((block & 1) == 0);
    *at += (flags & 4) != 0 ? 4 : 0;
    return true;
}

static bool zstd_is_whole(const char *path, off_t size) {
    off_t at = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return true;
    while (at < size && skip_frame(fd, &at)) continue;
    close(fd);
    return at == size;
}

static bool not_whole(const Link *link, const char *path, Error *err) {
    error_set(err, ERR_FILE_FORMAT, link_span(link, "path"), "%s is damaged or not whole", path);
    return error_hint(err, "`%s -t` tells the same: fetch the file again",
                      str_eq(files_compression(link, path), "gzip") ? "gzip" : "zstd");
}

static bool check_file(const Files *files, const char *path, off_t size, Error *err) {
    Session *session = files->session;
    Zlib zlib;
    if (str_eq(files_compression(files->link, path), "zstd"))
        return zstd_is_whole(path, size) || not_whole(files->link, path, err);
    if (zlib_load(&zlib)) return gzip_is_whole(&zlib, path) || not_whole(files->link, path, err);
    if (session->diags != NULL)
        diag_warning(session->diags, WARN_UNCHECKED, link_span(files->link, "path"),
                     "%s: whether it is whole cannot be checked without zlib (libz.so.1)", path);
    return true;
}

bool files_check_whole(const Files *files, Error *err) {
    Map *memo = files->session->memo;
    for (size_t i = 0; i < files->paths->count; i++) {
        const char *path = files->paths->items[i];
        struct stat info;
        bool packed = files->format != &parquet_format &&
                      !str_eq(files_compression(files->link, path), "uncompressed");
        if (!packed || stat(path, &info) != 0 || !S_ISREG(info.st_mode)) continue;
        const char *key = arena_printf(files->session->arena, "whole %s %lld %lld.%09ld", path,
                                       (long long)info.st_size, (long long)info.st_mtim.tv_sec,
                                       info.st_mtim.tv_nsec);
        if (memo != NULL && map_has(memo, key)) continue;
        if (!check_file(files, path, info.st_size, err)) return false;
        if (memo != NULL) map_set(memo, key, NULL);
    }
    return true;
}
