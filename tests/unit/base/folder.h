/* Test helper: a temporary folder that is the working folder of one test, or of all. */
#ifndef TESTS_BASE_FOLDER_H
#define TESTS_BASE_FOLDER_H

/* Set-up and tear-down of cmocka. */
int folder_enter(void **state);
int folder_leave(void **state);
/* While entered; an absolute path. */
const char *folder_path(void);
/* Fails the test when the file cannot be written. Folders are made. */
void folder_write(const char *path, const char *text);

#endif
