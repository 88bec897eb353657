/* Time: the wall clock for records, a steady clock for durations, UTC text. */
#ifndef SQLFLOW_BASE_CLOCK_H
#define SQLFLOW_BASE_CLOCK_H

#include <stdint.h>

#include "base/arena.h"

/* Microseconds since 1970-01-01 UTC. */
int64_t clock_wall_us(void);
/* How far the local time is ahead of UTC now, in microseconds; negative west of Greenwich. */
int64_t clock_offset_us(void);
/* Seconds of a clock that never jumps. */
double clock_steady(void);
/* 2026-11-22 13:05:01.123456 */
const char *clock_timestamp(Arena *arena, int64_t wall_us);
/* 2026-11-22T13:05:01.123456Z */
const char *clock_iso(Arena *arena, int64_t wall_us);
const char *clock_date(Arena *arena, int64_t wall_us); /* 2026-11-22 */
/* 20261122-130501-7f3a1c09: sorts by time; the tail is microseconds and chance. */
const char *clock_run_id(Arena *arena, int64_t wall_us);

#endif
