/* Dates and times between DuckDB and Python's datetime module, exact or refused. */
#include "udf/python/time.h"

#include <datetime.h>

#include "duck_api.h"

static const int64_t DAY_US = INT64_C(86400000000);

bool time_init(void) {
    PyDateTime_IMPORT;
    return PyDateTimeAPI != NULL;
}

bool time_is(int type) {
    switch (type) {
        case DUCKDB_TYPE_DATE:
        case DUCKDB_TYPE_TIME:
        case DUCKDB_TYPE_TIME_TZ:
        case DUCKDB_TYPE_TIMESTAMP:
        case DUCKDB_TYPE_TIMESTAMP_S:
        case DUCKDB_TYPE_TIMESTAMP_MS:
        case DUCKDB_TYPE_TIMESTAMP_NS:
        case DUCKDB_TYPE_TIMESTAMP_TZ:
        case DUCKDB_TYPE_INTERVAL: return true;
        default: return false;
    }
}

/* Howard Hinnant's civil calendar, days since 1970-01-01. */
static void civil(int64_t days, int64_t *year, int *month, int *day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = yoe + era * 400 + (*month <= 2);
}

static int64_t days_of(int64_t year, int month, int day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t yoe = year - era * 400;
    int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static PyObject *no_counterpart(const char *what) {
    PyErr_Format(PyExc_ValueError, "%s has no counterpart in Python's datetime", what);
    return NULL;
}

static PyObject *date_of(int32_t days) {
    int64_t year;
    int month, day;
    civil(days, &year, &month, &day);
    if (year < 1 || year > 9999) return no_counterpart("a date outside of the years 1 to 9999");
    return PyDate_FromDate((int)year, month, day);
}

static PyObject *datetime_of(int64_t us, bool utc) {
    int64_t days = us / DAY_US, rest = us % DAY_US;
    if (rest < 0) {
        rest += DAY_US;
        days--;
    }
    int64_t year;
    int month, day;
    civil(days, &year, &month, &day);
    if (year < 1 || year > 9999) return no_counterpart("a time outside of the years 1 to 9999");
    int seconds = (int)(rest / 1000000);
    return PyDateTimeAPI->DateTime_FromDateAndTime((int)year, month, day, seconds / 3600,
                                                   seconds / 60 % 60, seconds % 60,
                                                   (int)(rest % 1000000),
                                                   utc ? PyDateTime_TimeZone_UTC : Py_None,
                                                   PyDateTimeAPI->DateTimeType);
}

static PyObject *clock_of(int64_t us, PyObject *zone) {
    if (us >= DAY_US) return no_counterpart("the time 24:00:00");
    int seconds = (int)(us / 1000000);
    return PyDateTimeAPI->Time_FromTime(seconds / 3600, seconds / 60 % 60, seconds % 60,
                                        (int)(us % 1000000), zone, PyDateTimeAPI->TimeType);
}

static PyObject *clock_tz_of(duckdb_time_tz value) {
    duckdb_time_tz_struct parts = duckdb_from_time_tz(value);
    AUTO_OBJECT offset = PyDelta_FromDSU(0, parts.offset, 0);
    AUTO_OBJECT zone = offset ? PyTimeZone_FromOffset(offset) : NULL;
    int64_t seconds = (int64_t)parts.time.hour * 3600 + parts.time.min * 60 + parts.time.sec;
    return zone ? clock_of(seconds * 1000000 + parts.time.micros, zone) : NULL;
}

static PyObject *delta_of(duckdb_interval value) {
    if (value.months) return no_counterpart("an interval of months or years");
    int64_t days = value.days + value.micros / DAY_US, rest = value.micros % DAY_US;
    if (days > 999999999 || days < -999999999) return no_counterpart("so long an interval");
    return PyDelta_FromDSU((int)days, (int)(rest / 1000000), (int)(rest % 1000000));
}

PyObject *time_to_python(int type, const void *data, uint64_t row) {
    const int64_t *wide = data;
    switch (type) {
        case DUCKDB_TYPE_DATE: return date_of(((const int32_t *)data)[row]);
        case DUCKDB_TYPE_TIME: return clock_of(wide[row], Py_None);
        case DUCKDB_TYPE_TIME_TZ: return clock_tz_of(((const duckdb_time_tz *)data)[row]);
        case DUCKDB_TYPE_INTERVAL: return delta_of(((const duckdb_interval *)data)[row]);
        case DUCKDB_TYPE_TIMESTAMP: return datetime_of(wide[row], false);
        case DUCKDB_TYPE_TIMESTAMP_TZ: return datetime_of(wide[row], true);
        case DUCKDB_TYPE_TIMESTAMP_S:
        case DUCKDB_TYPE_TIMESTAMP_MS: {
            int64_t us, factor = type == DUCKDB_TYPE_TIMESTAMP_S ? 1000000 : 1000;
            if (__builtin_mul_overflow(wide[row], factor, &us))
                return no_counterpart("so far a time");
            return datetime_of(us, false);
        }
        case DUCKDB_TYPE_TIMESTAMP_NS:
            if (wide[row] % 1000) return no_counterpart("a fraction of a microsecond");
            return datetime_of(wide[row] / 1000, false);
        default: return no_counterpart("a value of this type");
    }
}

/* Microseconds since 1970 of a datetime (without its zone) or a date. */
static int64_t wall_of(PyObject *value) {
    int64_t days =
        days_of(PyDateTime_GET_YEAR(value), PyDateTime_GET_MONTH(value), PyDateTime_GET_DAY(value));
    if (!PyDateTime_Check(value)) return days * DAY_US;
    int64_t seconds = PyDateTime_DATE_GET_HOUR(value) * 3600 +
                      PyDateTime_DATE_GET_MINUTE(value) * 60 + PyDateTime_DATE_GET_SECOND(value);
    return days * DAY_US + seconds * 1000000 + PyDateTime_DATE_GET_MICROSECOND(value);
}

static int64_t delta_us(PyObject *delta) {
    return (int64_t)PyDateTime_DELTA_GET_DAYS(delta) * DAY_US +
           (int64_t)PyDateTime_DELTA_GET_SECONDS(delta) * 1000000 +
           PyDateTime_DELTA_GET_MICROSECONDS(delta);
}

/* Offset from UTC in microseconds; false when there is none. */
static bool offset_of(PyObject *value, int64_t *us) {
    AUTO_OBJECT offset = PyObject_CallMethod(value, "utcoffset", NULL);
    if (!offset) PyErr_Clear();
    if (!offset || !PyDelta_Check(offset)) return false;
    *us = delta_us(offset);
    return true;
}

/* pandas' times have what Python's own lack: nanoseconds. */
static bool nanos_of(PyObject *value, const char *name, int64_t *nanos) {
    *nanos = 0;
    if (PyDateTime_CheckExact(value) || PyDate_CheckExact(value) || PyDelta_CheckExact(value))
        return true;
    AUTO_OBJECT number = PyObject_GetAttrString(value, name);
    if (number && PyLong_Check(number)) *nanos = PyLong_AsLongLong(number);
    PyErr_Clear();
    return *nanos == 0;
}

static bool lost_fraction(Buf *why) {
    buf_puts(why, "a fraction of the type's unit would be lost");
    return false;
}

static bool put_timestamp(int type, int64_t *slot, PyObject *value, Buf *why) {
    if (!PyDate_Check(value)) return false;
    int64_t us = wall_of(value), offset = 0, nanos;
    if (!nanos_of(value, "nanosecond", &nanos) && type != DUCKDB_TYPE_TIMESTAMP_NS)
        return lost_fraction(why);
    bool aware = PyDateTime_Check(value) && offset_of(value, &offset);
    if (aware && type != DUCKDB_TYPE_TIMESTAMP_TZ) {
        buf_puts(why, "a datetime with a time zone does not fit TIMESTAMP; declare TIMESTAMPTZ "
                      "(return_type= or output_schema=)");
        return false;
    }
    us -= offset;
    int64_t factor = type == DUCKDB_TYPE_TIMESTAMP_S    ? 1000000
                     : type == DUCKDB_TYPE_TIMESTAMP_MS ? 1000
                                                        : 1;
    if (us % factor) return lost_fraction(why);
    *slot = us / factor;
    if (type == DUCKDB_TYPE_TIMESTAMP_NS && (__builtin_mul_overflow(us, INT64_C(1000), slot) ||
                                             __builtin_add_overflow(*slot, nanos, slot))) {
        buf_puts(why, "the time is too far for TIMESTAMP_NS");
        return false;
    }
    return true;
}

static bool put_date(int32_t *slot, PyObject *value, Buf *why) {
    if (!PyDate_Check(value)) return false;
    int64_t us = wall_of(value), nanos;
    if (us % DAY_US || !nanos_of(value, "nanosecond", &nanos)) {
        buf_puts(why, "a datetime with a time of day does not fit DATE");
        return false;
    }
    *slot = (int32_t)(us / DAY_US);
    return true;
}

static bool put_clock(int64_t *slot, PyObject *value, Buf *why) {
    if (!PyTime_Check(value)) return false;
    int64_t offset;
    if (offset_of(value, &offset)) {
        buf_puts(why, "a time with a time zone does not fit TIME");
        return false;
    }
    int64_t seconds = PyDateTime_TIME_GET_HOUR(value) * 3600 +
                      PyDateTime_TIME_GET_MINUTE(value) * 60 + PyDateTime_TIME_GET_SECOND(value);
    *slot = seconds * 1000000 + PyDateTime_TIME_GET_MICROSECOND(value);
    return true;
}

/* Python keeps -1 second as -1 day and 86,399 s; DuckDB, whose days are no 24 hours, has another
 * interval for that. Both parts get the sign of the whole. */
static duckdb_interval interval_of(PyObject *delta) {
    int64_t days = PyDateTime_DELTA_GET_DAYS(delta);
    int64_t us = (int64_t)PyDateTime_DELTA_GET_SECONDS(delta) * 1000000 +
                 PyDateTime_DELTA_GET_MICROSECONDS(delta);
    bool borrowed = days < 0 && us > 0;
    return (duckdb_interval){.days = (int32_t)(days + borrowed),
                             .micros = us - (borrowed ? DAY_US : 0)};
}

bool time_from_python(int type, void *data, uint64_t row, PyObject *value, Buf *why) {
    int64_t nanos;
    switch (type) {
        case DUCKDB_TYPE_DATE: return put_date((int32_t *)data + row, value, why);
        case DUCKDB_TYPE_TIME: return put_clock((int64_t *)data + row, value, why);
        case DUCKDB_TYPE_INTERVAL:
            if (!PyDelta_Check(value)) return false;
            if (!nanos_of(value, "nanoseconds", &nanos)) return lost_fraction(why);
            ((duckdb_interval *)data)[row] = interval_of(value);
            return true;
        default: return put_timestamp(type, (int64_t *)data + row, value, why);
    }
}
