/* Comparing the values of a condition. Internal to the language room. */
#ifndef SQLFLOW_LANG_COND_VALUE_H
#define SQLFLOW_LANG_COND_VALUE_H

#include "base/json.h"

typedef enum CondOperator { COND_EQ, COND_NE, COND_LT, COND_LE, COND_GT, COND_GE } CondOperator;

/* true, 'true' or a number but 0. */
bool cond_truth(const Value *value);
/* With null on either side only COND_NE holds. */
bool cond_compare(CondOperator operator, const Value * left, const Value *right);
/* % stands for any text, _ for one character. */
bool cond_like(const char *text, const char *pattern);

#endif
