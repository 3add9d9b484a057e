/* rt: a child gets its descriptors and no others, is started again, is stopped in order, and dies with us. */
#include "support/cmocka.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "rt/child.h"
#include "rt/loop.h"

struct bed {
    struct rv_loop *loop;
    struct rv_child *child;
    int starts, ends, stop_after, exit_code, signal;
    rv_dur pauses[8];
    bool stopped;
};

static void started(void *arg, pid_t pid)
{
    assert_true(pid > 1);
    ((struct bed *)arg)->starts++;
}

static void ended(void *arg, int exit_code, int number, rv_dur again_in)
{
    struct bed *bed = arg;
    bed->exit_code = exit_code;
    bed->signal = number;
    bed->pauses[bed->ends++] = again_in;
    if (bed->ends == bed->stop_after)
        rv_loop_stop(bed->loop);
}

static void gone(void *arg)
{
    struct bed *bed = arg;
    bed->stopped = true;
    rv_loop_stop(bed->loop);
}

static void create(struct bed *bed, const char *script, int ours, rv_dur grace)
{
    bed->loop = rv_loop_create();
    struct rv_child_fd fds[] = {{ours, 5}};
    struct rv_child_options options = {.argv = (const char *const[]){"sh", "-c", script, NULL},
                                       .fds = fds,
                                       .fd_count = ours >= 0,
                                       .pause_least = 5,
                                       .pause_most = 15,
                                       .grace = grace,
                                       .started = started,
                                       .ended = ended,
                                       .arg = bed};
    struct rv_error err;
    assert_int_equal(rv_child_create(bed->loop, &options, &bed->child, &err), RV_OK);
}

static void destroy(struct bed *bed)
{
    rv_child_destroy(bed->child);
    rv_loop_destroy(bed->loop);
}

static void read_line(int fd, char *out, size_t size)
{
    size_t n = 0;
    while (n < size - 1 && read(fd, out + n, 1) == 1 && out[n] != '\n')
        n++;
    out[n] = '\0';
}

static void gets_its_descriptors_and_no_others(void **state)
{
    (void)state;
    struct bed bed = {0};
    int pair[2], leak = open("/dev/null", O_RDWR); /* on purpose without O_CLOEXEC */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    struct timeval limit = {20, 0};
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    create(&bed, "echo $(ls /proc/self/fd) $(readlink /proc/self/fd/0) >&5; exec sleep 1000", pair[1], 0);
    char line[100];
    read_line(pair[0], line, sizeof line);
    assert_string_equal(line, "0 1 2 3 5 /dev/null"); /* 3 is the folder that ls reads */
    pid_t pid = rv_child_pid(bed.child);
    assert_int_equal(getpgid(pid), pid);
    destroy(&bed);
    assert_int_not_equal(kill(pid, 0), 0);
    close(pair[0]);
    close(pair[1]);
    close(leak);
}

static void is_started_again_with_growing_pauses(void **state)
{
    (void)state;
    struct bed bed = {.stop_after = 4};
    create(&bed, "exit 7", -1, 0);
    rv_loop_run(bed.loop);
    assert_int_equal(bed.starts, 4);
    assert_int_equal(bed.exit_code, 7);
    assert_int_equal(bed.pauses[0], 5);
    assert_int_equal(bed.pauses[1], 10);
    assert_int_equal(bed.pauses[2], 15);
    assert_int_equal(bed.pauses[3], 15);
    assert_int_equal(rv_child_pid(bed.child), -1);
    rv_child_stop(bed.child, gone, &bed); /* between two starts: there will be no other */
    assert_false(bed.stopped);
    rv_loop_run(bed.loop);
    assert_true(bed.stopped);
    assert_int_equal(bed.starts, 4);
    destroy(&bed);
}

static void is_asked_to_stop_and_then_made_to(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        rv_dur grace;
        int signal;
    } cases[] = {{"echo >&5; exec sleep 1000", RV_SEC(60), SIGTERM}, {"trap '' TERM; echo >&5; sleep 1000", 20, SIGKILL}};
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        struct bed bed = {0};
        int pair[2];
        char line[8];
        assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
        create(&bed, cases[i].script, pair[1], cases[i].grace);
        read_line(pair[0], line, sizeof line);
        rv_child_stop(bed.child, gone, &bed);
        rv_loop_run(bed.loop);
        assert_true(bed.stopped);
        assert_int_equal(bed.signal, cases[i].signal);
        assert_int_equal(bed.pauses[0], -1);
        assert_int_equal(bed.starts, 1);
        destroy(&bed);
        close(pair[0]);
        close(pair[1]);
    }
}

static void what_cannot_start_is_said_at_once(void **state)
{
    (void)state;
    struct rv_loop *loop = rv_loop_create();
    struct rv_child *child = NULL;
    struct rv_error err;
    struct rv_child_options options = {.argv = (const char *const[]){"/no/such/program", NULL}};
    assert_int_equal(rv_child_create(loop, &options, &child, &err), RV_NOT_FOUND);
    options.argv = (const char *const[]){"true", NULL};
    options.fds = (struct rv_child_fd[]){{1000, 4}}; /* not open */
    options.fd_count = 1;
    assert_int_not_equal(rv_child_create(loop, &options, &child, &err), RV_OK);
    assert_non_null(strstr(err.message, "cannot start"));
    assert_null(child);
    rv_loop_destroy(loop);
}

static void dies_with_us(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    pid_t parent = fork();
    if (parent == 0) {
        struct bed bed = {0};
        create(&bed, "echo >&5; exec sleep 1000", pair[1], 0);
        char ready[2];
        read_line(pair[0], ready, sizeof ready);
        kill(getpid(), SIGKILL);
    }
    close(pair[1]);
    int wait_status;
    assert_int_equal(waitpid(parent, &wait_status, 0), parent);
    assert_true(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL);
    struct timespec tick = {0, 10000000};
    int flags = fcntl(pair[0], F_GETFL);
    fcntl(pair[0], F_SETFL, flags | O_NONBLOCK);
    char end = 0;
    ssize_t n = -1;
    for (int i = 0; i < 2000 && (n = read(pair[0], &end, 1)) < 0; i++)
        nanosleep(&tick, NULL);
    assert_int_equal(n, 0); /* the last holder of the other end is gone */
    close(pair[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gets_its_descriptors_and_no_others),
        cmocka_unit_test(is_started_again_with_growing_pauses),
        cmocka_unit_test(is_asked_to_stop_and_then_made_to),
        cmocka_unit_test(what_cannot_start_is_said_at_once),
        cmocka_unit_test(dies_with_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
