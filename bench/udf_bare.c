/* The floor for scalar Python functions: a bare vectorcall loop, int → int and text → text.
 * Prints nanoseconds a row for each. Built and run by bench/udf.py. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <time.h>

enum { ROWS = 5000000 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static PyObject *int_of(long row) { return PyLong_FromLong(row); }

static PyObject *text_of(long row) {
    static char text[64];
    static long last = -1;
    static int size;
    /* Texts are made outside of the loop in the measured program: here one in 4,096 rows. */
    if (row / 4096 != last) {
        last = row / 4096;
        size = snprintf(text, sizeof text, "customer %ld", row);
    }
    return PyUnicode_DecodeUTF8(text, size, NULL);
}

static double loop(PyObject *function, PyObject *(*make)(long row)) {
    double start = now();
    PyObject *stack[2] = {NULL, NULL};
    for (long row = 0; row < ROWS; row++) {
        stack[1] = make(row);
        PyObject *result =
            PyObject_Vectorcall(function, stack + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
        Py_XDECREF(result);
        Py_XDECREF(stack[1]);
    }
    return (now() - start) / ROWS * 1e9;
}

int main(void) {
    Py_Initialize();
    PyRun_SimpleString("def inc(x: int) -> int:\n    return x + 1\n"
                       "def up(s: str) -> str:\n    return s.upper()\n");
    PyObject *module = PyImport_AddModule("__main__");
    printf("%.2f %.2f\n", loop(PyObject_GetAttrString(module, "inc"), int_of),
           loop(PyObject_GetAttrString(module, "up"), text_of));
    return 0;
}
