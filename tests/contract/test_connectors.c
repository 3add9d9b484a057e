/* Every connector behaves alike: the same cases over each transport, against a real nginx and a real sshd. */
#include "contract/connector_case.h"

#include <signal.h>
#include <stdlib.h>

static int run(const char *transport, const char *title, const struct CMUnitTest *cases, size_t count)
{
    connector_transport = transport;
    struct CMUnitTest *named = rv_calloc(count, sizeof *named);
    memcpy(named, cases, count * sizeof *named);
    RV_AUTO(rv_buf) struct rv_buf group = {0};
    rv_buf_printf(&group, "connectors.%s.%s", transport, title);
    int failed = _cmocka_run_group_tests(rv_buf_text(&group), named, count, NULL, NULL);
    rv_free(named);
    return failed;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    const char *only = argc > 1 ? argv[1] : NULL; /* a pattern of case names, for a person at work */
    if (only != NULL)
        cmocka_set_test_filter(only);
    int failed = 0;
    static const char *const transports[] = {"local", "ssh"};
    for (size_t i = 0; i < RV_COUNT(transports); i++) {
        if (argc > 2 && strcmp(argv[2], transports[i]) != 0)
            continue;
        failed += run(transports[i], "steps", connector_steps, connector_steps_count);
        failed += run(transports[i], "faults", connector_faults, connector_faults_count);
        failed += run(transports[i], "links", connector_links, connector_links_count);
    }
    if (argc <= 2 || strcmp(argv[2], "ssh") == 0)
        failed += run("ssh", "hosts", connector_hosts, connector_hosts_count);
    return failed == 0 ? 0 : 1;
}
