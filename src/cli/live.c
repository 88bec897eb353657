/* The live line and the lines of finished steps. See live.h.
 * Nothing but the live line is written from the timer's thread. */
#include "cli/live.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

static void write_stderr(const char *text, size_t size) {
    while (size > 0) {
        ssize_t written = write(STDERR_FILENO, text, size);
        if (written <= 0) return;
        text += written;
        size -= (size_t)written;
    }
}

static void clear_line(Live *live) {
    static const char erase[] = "\r\033[K";
    if (live->shown) write_stderr(erase, sizeof erase - 1);
    live->shown = false;
}

static size_t terminal_width(void) {
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

/* A line that wraps could not be erased again. */
static void cut(Buf *line, size_t width) {
    size_t columns = 0, i = 0;
    for (; i < line->size; i++) {
        bool starts = ((unsigned char)line->data[i] & 0xC0) != 0x80;
        if (starts && columns == width) break;
        columns += starts;
    }
    line->size = i;
}

static void step_started(void *context, const StepResult *step, size_t index, size_t count) {
    Live *live = context;
    (void)step, (void)index, (void)count;
    pthread_mutex_lock(&live->lock);
    live->step_started = clock_steady();
    pthread_mutex_unlock(&live->lock);
}

static void step_ended(void *context, const StepResult *step, size_t index, size_t count) {
    Live *live = context;
    /* The line of a failed step carries the error, which the report knows when the run is over. */
    if (step->status == STATUS_FAILED || step->status == STATUS_RUNNING) return;
    AUTO_ARENA arena = arena_new();
    Buf line = buf_on(arena);
    report_line(&live->layout, step, index, count, NULL, &line);
    pthread_mutex_lock(&live->lock);
    clear_line(live);
    out_text(live->cli, buf_text(&line));
    pthread_mutex_unlock(&live->lock);
}

static void tick(void *context, const StepResult *step, size_t index, size_t count,
                 double percent) {
    Live *live = context;
    AUTO_ARENA arena = arena_new();
    Buf line = buf_on(arena);
    pthread_mutex_lock(&live->lock);
    double elapsed = clock_steady() - live->step_started;
    buf_printf(&line, "%3zu/%zu  %s  ", index + 1, count, step->step->id);
    if (percent >= 0) buf_printf(&line, "%.0f %%  ", percent);
    if (step->rows_read > 0) {
        buf_printf(&line, "%s rows  ", str_thousands(arena, step->rows_read));
        if (elapsed > 0.5)
            buf_printf(&line, "%s rows/s  ",
                       str_thousands(arena, (long long)((double)step->rows_read / elapsed)));
    }
    buf_printf(&line, "%.1f s", elapsed);
    cut(&line, terminal_width() - 1);
    clear_line(live);
    write_stderr(line.data, line.size);
    live->shown = true;
    pthread_mutex_unlock(&live->lock);
}

void live_start(Live *live, Cli *cli, const Plan *plan) {
    *live = (Live){.cli = cli, .layout = report_layout(plan, cli->color_out)};
    pthread_mutex_init(&live->lock, NULL);
    live->step_started = clock_steady();
    live->listener = (RunListener){
        .context = live,
        .step_started = step_started,
        .step_ended = step_ended,
        .tick = cli->progress ? tick : NULL,
    };
}

void live_stop(Live *live) {
    pthread_mutex_lock(&live->lock);
    clear_line(live);
    pthread_mutex_unlock(&live->lock);
    pthread_mutex_destroy(&live->lock);
}
