/* The stories. Times are those of the policy's defaults: three good rounds a second apart prove a switch, a look is
 * fresh for five minutes, handshakes every six hours. */
#include "scenario/scenario.h"

/* clang-format off */
const struct story scenario_stories[] = {
    {"first deploy",
     "hosts 2\n set soak 10m\n apply\n start\n"
     "run 2m\n expect serves edge-1 ours\n expect serves edge-2 foreign\n expect reason edge-2 Soak\n expect issued 1\n"
     "run 15m\n expect ready 2\n expect issued 2\n expect putback edge-1 never\n"
     "expect audited target.switched 2\n expect audited target.kept 2\n expect audited certificate.converged 1\n"},
    {"renewal after sixty days, and again",
     "hosts 2\n apply\n start\n run 1h\n expect ready 2\n"
     "run 56d\n expect issued 2\n run 5d\n expect issued 4\n expect ready 2\n"
     "run 60d\n expect issued 6\n expect ready 2\n expect audited step.failed 0\n"},
    {"renewal on request, one target and all",
     "hosts 3\n set soak 0s\n apply\n start\n run 1h\n renew edge-2\n run 5m\n expect issued 4\n expect ready 3\n"
     "renew\n run 30m\n expect issued 7\n expect ready 3\n"},
    {"other names: all are made anew, batch by batch",
     "hosts 3\n apply\n start\n run 1h\n set name other.example.com\n apply\n run 3m\n expect issued 4\n"
     "expect reason edge-2 Soak\n run 1h\n expect issued 6\n expect ready 3\n"},
    {"drift is found and repaired without a new certificate",
     "hosts 1\n apply\n start\n run 1h\n rival edge-1\n expect serves edge-1 foreign\n run 7h\n expect serves edge-1 ours\n"
     "expect ready 1\n expect issued 1\n expect audited drift.found 1\n"},
    {"a rival that does not stop is named",
     "hosts 1\n apply\n start\n run 1h\n rival edge-1\n run 7h\n rival edge-1\n run 7h\n rival edge-1\n run 6h\n"
     "rival edge-1\n run 7h\n expect issued 1\n run 1d\n rival edge-1\n run 6h\n expect issued 1\n"},
    {"a broken configuration: the old pair stays, a person is asked, the certificate is not burnt",
     "hosts 1\n fault edge-1 broken-config\n apply\n start\n run 1d\n"
     "expect serves edge-1 foreign\n expect state edge-1 NeedsPerson\n expect reason edge-1 SwitchFailed\n expect issued 1\n"
     "expect audited binding.halted 1\n heal edge-1\n renew\n run 1h\n expect ready 1\n expect issued 2\n"},
    {"a reload that does nothing is put back",
     "hosts 1\n fault edge-1 reload-noop\n apply\n start\n run 90s\n expect putback edge-1 once\n"
     "expect serves edge-1 foreign\n heal edge-1\n run 1h\n expect ready 1\n expect issued 1\n"},
    {"a server that dies of it gets the old pair back at once",
     "hosts 1\n fault edge-1 reload-kills\n apply\n start\n run 20s\n expect putback edge-1 once\n"
     "expect serves edge-1 foreign\n heal edge-1\n run 1h\n expect ready 1\n"},
    {"undo: manual tries once",
     "hosts 1\n set undo manual\n fault edge-1 reload-noop\n apply\n start\n run 1d\n expect putback edge-1 once\n"
     "expect state edge-1 NeedsPerson\n"},
    {"the first batch fails: nobody else is touched",
     "hosts 4\n fault edge-1 reload-noop\n apply\n start\n run 2d\n expect serves edge-2 foreign\n expect issued 1\n"
     "expect state edge-1 NeedsPerson\n expect reason edge-2 FailureBudget\n"},
    {"a later failure within the budget lets the others go on",
     "hosts 4\n set maxFailed 2\n set soak 0s\n fault edge-3 reload-kills\n apply\n start\n run 2d\n"
     "expect ready 3\n expect state edge-3 NeedsPerson\n expect serves edge-3 foreign\n"},
    {"two failures with a budget of two stop the rest",
     "hosts 5\n set maxFailed 2\n set soak 0s\n fault edge-2 reload-noop\n fault edge-3 reload-noop\n"
     "fault edge-4 reload-noop\n fault edge-5 reload-noop\n apply\n start\n run 2d\n expect ready 1\n"},
    {"unreachable for a week, and then at once",
     "hosts 1\n fault edge-1 unreachable\n apply\n start\n run 7d\n expect serves edge-1 foreign\n"
     "expect state edge-1 Waiting\n heal edge-1\n run 1h\n expect ready 1\n expect issued 1\n"},
    {"an unreachable first target does not let the others expire",
     "hosts 2\n set soak 0s\n set duration 7d\n apply\n start\n run 1h\n expect ready 2\n fault edge-1 unreachable\n"
     "run 8d\n expect state edge-2 Ready\n expect serves edge-2 ours\n"},
    {"handshakes fail for a while: nothing is switched back and forth",
     "hosts 1\n apply\n start\n run 1h\n fault edge-1 cut-off\n run 1d\n expect state edge-1 Degraded\n expect issued 1\n"
     "expect audited target.switched 1\n heal edge-1\n run 10m\n expect state edge-1 Ready\n"},
    {"the CA is away for two days",
     "hosts 2\n ca down\n apply\n start\n run 2d\n expect issued 0\n ca well\n run 2h\n expect ready 2\n expect issued 2\n"},
    {"the CA says no: rarely asked, and a person is shown why",
     "hosts 1\n ca refuses\n apply\n start\n run 1d\n expect state edge-1 NeedsPerson\n expect issued 0\n ca well\n run 1d\n"
     "expect ready 1\n"},
    {"the CA loses its answers: asked, not repeated",
     "hosts 1\n ca lost-replies\n apply\n start\n run 10m\n ca well\n run 1h\n expect ready 1\n expect issued 1\n"},
    {"the target loses its answers",
     "hosts 1\n apply\n start\n run 1s\n fault edge-1 lost-replies\n run 1h\n heal edge-1\n run 2h\n expect ready 1\n"},
    {"the disk is full",
     "hosts 1\n fault edge-1 disk-full\n apply\n start\n run 1d\n expect issued 0\n heal edge-1\n run 6h\n expect ready 1\n"},
    {"keys that vanish do not issue without bound",
     "hosts 1\n fault edge-1 eats-keys\n apply\n start\n run 20h\n expect issued 3\n expect reason edge-1 IssueBudget\n"
     "heal edge-1\n run 2d\n expect ready 1\n"},
    {"Observe changes nothing",
     "hosts 2\n set mode Observe\n apply\n start\n run 30d\n expect issued 0\n expect serves edge-1 foreign\n"},
    {"Propose waits for a person, for each round",
     "hosts 1\n set mode Propose\n apply\n start\n run 1d\n expect issued 0\n expect reason edge-1 Approval\n"
     "expect state edge-1 Waiting\n approve\n run 10m\n expect ready 1\n run 70d\n expect issued 1\n"
     "expect reason edge-1 Approval\n approve\n run 10m\n expect issued 2\n expect ready 1\n"},
    {"the clock steps forward and back",
     "hosts 2\n apply\n start\n run 1h\n expect ready 2\n clock 6h\n run 1h\n expect ready 2\n clock -6h\n run 1h\n"
     "expect ready 2\n expect issued 2\n clock -3d\n run 2h\n expect ready 2\n expect issued 4\n"
     "expect audited clock.jumped 3\n"},
    {"the clock steps back while the controller is away",
     "hosts 2\n apply\n start\n run 1h\n expect ready 2\n crash\n clock -3d\n run 2h\n expect ready 2\n"
     "expect audited clock.jumped 1\n"},
    {"the clock steps forward while the controller is away",
     "hosts 2\n apply\n start\n run 1h\n crash\n clock 3d\n run 2h\n expect ready 2\n expect issued 2\n"
     "expect audited clock.jumped 0\n"},
    {"the clock steps back in the middle of a switch",
     "hosts 1\n apply\n start\n run 2s\n clock -2h\n run 1h\n expect ready 1\n"},
    {"the clock steps forward in the middle of a switch",
     "hosts 1\n apply\n start\n run 2s\n clock 2h\n run 1h\n expect ready 1\n"},
    {"a crash every second of a rollout",
     "hosts 3\n set soak 0s\n apply\n start\n run 1s\n crash\n run 100s\n crash\n run 100s\n crash\n run 101s\n crash\n"
     "run 10h\n expect ready 3\n"},
};
/* clang-format on */
const size_t scenario_story_count = RV_COUNT(scenario_stories);
