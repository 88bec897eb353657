/* The program: sets up, hands over to the command, turns its answer into the exit code.
 * What a command does is in src/cli/cmd_*.c. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/output.h"
#include "udf/udf.h"

static int version(Cli *cli) {
    extern const Command command_version;
    return command_version.run(cli);
}

static int dispatch(Cli *cli, int argc, const char *const *argv) {
    Error err;
    bool parsed = cli_parse(cli, argc, argv, &err);
    log_configure(&(LogConfig){
        .level = cli->log_level,
        .json = cli->log_json,
        .to_stderr = cli->verbose && !cli->quiet,
        .quiet = cli->quiet,
    });
    out_keep();
    if (!parsed) return fail(cli, &err);
    if (cli->help) return help_show(cli, cli->path, cli->command);
    if (cli->version) return version(cli);
    return cli->command == NULL ? help_show(cli, NULL, NULL) : cli->command->run(cli);
}

/* Output that got lost is a failure, unless its reader had seen enough. */
static int lost_output(const Cli *cli, int code) {
    if (cli->output_error == 0 || cli->output_error == EPIPE) return code;
    fprintf(stderr, "sqlflow: cannot write to standard output: %s\n", strerror(cli->output_error));
    return code != 0 ? code : error_exit_code(ERR_DISK);
}

/* A caller may have closed the standard streams. The next files opened, the database among them,
 * would take their numbers, and what is printed would be written into those. Read-only, so that
 * output that nobody gets is still a failure. */
static void fill_streams(void) {
    int fd;
    do {
        fd = open("/dev/null", O_RDONLY);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) close(fd);
}

int main(int argc, char **argv) {
    fill_streams();
    /* A closed pipe must not kill a run between its commit and its report. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* ulimit -f: a write that fails, like any other */
    AUTO_ARENA arena = arena_new();
    Cli cli = {.arena = arena};
    int code = dispatch(&cli, argc, (const char *const *)argv);
    udf_shutdown();
    log_close();
    return lost_output(&cli, code);
}
