/* Numbers as JSON writes them, and what a double keeps of them. */
#ifndef SQLFLOW_ENGINE_NUMBERS_H
#define SQLFLOW_ENGINE_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>

/* 2^53: from here on doubles skip whole numbers. */
#define NUMBER_PAST_EXACT 9007199254740992.0

/* A number in JSON text. */
typedef struct Number {
    double value;
    size_t digits; /* significant ones, without zeros at either end */
    bool whole;    /* written without fraction and exponent */
    bool kept;     /* as a double it still has all its digits */
} Number;

/* false when the text is no number (a literal such as null, NaN). */
bool number_read(const char *text, size_t size, Number *number);
/* Is there a number of at least 2^53 with a fraction or an exponent in this JSON text? */
bool number_is_past_exact(const char *json, size_t size);

#endif
