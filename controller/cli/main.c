/* The program reeve. */
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"

extern char **environ;

static int width_of(int fd)
{
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 100;
}

int main(int argc, char *argv[])
{
    struct rv_cli cli = {
        .out = stdout,
        .err = stderr,
        .environment = environ,
        .program = argc > 0 ? argv[0] : "reeve",
        .terminal = isatty(STDOUT_FILENO) == 1,
        .width = width_of(STDOUT_FILENO),
    };
    return rv_cli_main(&cli, argc > 0 ? argc - 1 : 0, argv + 1);
}
