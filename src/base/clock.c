/* Clocks and their text forms, in UTC. See clock.h.
 * Years of more than four digits are not expected: the wall clock is the only source. */
#include "base/clock.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { US_PER_SECOND = 1000000 };

int64_t clock_wall_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

int64_t clock_offset_us(void) {
    time_t now = time(NULL);
    struct tm fields;
    return localtime_r(&now, &fields) == NULL ? 0 : (int64_t)fields.tm_gmtoff * US_PER_SECOND;
}

double clock_steady(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The calendar's fields; *us gets the microseconds within the second, never negative. */
static struct tm split(int64_t wall_us, int *us) {
    int64_t seconds = wall_us / US_PER_SECOND, rest = wall_us % US_PER_SECOND;
    if (rest < 0) seconds--, rest += US_PER_SECOND;
    time_t time = (time_t)seconds;
    struct tm fields;
    gmtime_r(&time, &fields);
    *us = (int)rest;
    return fields;
}

static const char *formatted(Arena *arena, int64_t wall_us, char separator, const char *suffix) {
    int us;
    struct tm t = split(wall_us, &us);
    return arena_printf(arena, "%04d-%02d-%02d%c%02d:%02d:%02d.%06d%s", t.tm_year + 1900,
                        t.tm_mon + 1, t.tm_mday, separator, t.tm_hour, t.tm_min, t.tm_sec, us,
                        suffix);
}

const char *clock_timestamp(Arena *arena, int64_t wall_us) {
    return formatted(arena, wall_us, ' ', "");
}

const char *clock_iso(Arena *arena, int64_t wall_us) { return formatted(arena, wall_us, 'T', "Z"); }

const char *clock_date(Arena *arena, int64_t wall_us) {
    int us;
    struct tm t = split(wall_us, &us);
    return arena_printf(arena, "%04d-%02d-%02d", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday);
}

const char *clock_run_id(Arena *arena, int64_t wall_us) {
    int us;
    struct tm t = split(wall_us, &us);
    uint32_t chance;
    if (getrandom(&chance, sizeof chance, 0) != (ssize_t)sizeof chance)
        chance = (uint32_t)getpid();
    /* Microseconds first, so that ids of one second sort, too. */
    uint32_t tail = (uint32_t)us << 12 | (chance & 0xFFF);
    return arena_printf(arena, "%04d%02d%02d-%02d%02d%02d-%08x", t.tm_year + 1900, t.tm_mon + 1,
                        t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, tail);
}
