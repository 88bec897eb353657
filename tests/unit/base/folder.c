/* See folder.h. */
#include "base/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"

static char folder[] = "/tmp/sqlflow-test-XXXXXX";

int folder_enter(void **state) {
    (void)state;
    memcpy(strrchr(folder, '-'), "-XXXXXX", sizeof "-XXXXXX");
    return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

int folder_leave(void **state) {
    (void)state;
    Error err;
    return chdir("/") == 0 && fs_remove_tree(folder, &err) ? 0 : -1;
}

const char *folder_path(void) { return folder; }

void folder_write(const char *path, const char *text) {
    Error err;
    if (!fs_write_atomic(path, text, strlen(text), 0644, &err)) fail_msg("%s", err.message);
}
