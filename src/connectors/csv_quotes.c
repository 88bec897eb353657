/* The search for quotes in a file. See csv_quotes.h. */
#include "connectors/csv_quotes.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 256 * 1024, SAMPLES = 64 };

/* Looks at pages spread over the file; all of them must be in the page cache. */
static bool is_cached(int file, size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
    if (map == MAP_FAILED) return false;
    bool cached = true;
    for (size_t i = 0; cached && i < SAMPLES; i++) {
        unsigned char resident = 0;
        size_t offset = size / SAMPLES * i / page * page;
        cached = mincore((char *)map + offset, 1, &resident) == 0 && (resident & 1) != 0;
    }
    munmap(map, size);
    return cached;
}

static bool search_file(QuoteSearch *search, int file) {
    char block[BLOCK];
    ssize_t got;
    while (!search->cancelled && (got = read(file, block, sizeof block)) > 0)
        if (memchr(block, '"', (size_t)got) != NULL) return true;
    return false;
}

static void *run(void *context) {
    QuoteSearch *search = context;
    struct stat info;
    int file = open(search->path, O_RDONLY | O_CLOEXEC);
    search->found = true;
    if (file < 0) return NULL;
    if (fstat(file, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 &&
        is_cached(file, (size_t)info.st_size))
        search->found = search_file(search, file);
    close(file);
    return NULL;
}

void quote_search_start(QuoteSearch *search, const char *path) {
    *search = (QuoteSearch){.path = path, .found = true};
    search->running = pthread_create(&search->thread, NULL, run, search) == 0;
}

bool quote_search_found(QuoteSearch *search) {
    if (search->running) pthread_join(search->thread, NULL);
    search->running = false;
    return search->found;
}

void quote_search_cleanup(QuoteSearch *search) {
    search->cancelled = true;
    quote_search_found(search);
}
