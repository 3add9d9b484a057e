/* Deploying one certificate to one machine, as a transaction (docs/internals/deploying.md): a connector (port/connector.h)
 * made from any transport (port/transport.h). One POSIX sh program, target.sh, does the work on the target; it is sent
 * each time and leaves nothing behind. This folder builds its input, reads its answers (hostile text) and maps its exit
 * codes. Methods are called on the loop; the blocking work runs on the remote lane. It never retries, never switches
 * without an undo that lives on the target, and never puts a key or a name on a command line.
 *
 * What an error says, besides the status, is the phase (rv_connector_result.phase):
 *   connect      the target was not reached (RV_UNAVAILABLE, RV_TIMEOUT) or may not be trusted or used (RV_DENIED)
 *   input        the declaration does not fit (RV_INVALID): nothing was sent
 *   tools        a program is missing on the target (RV_UNAVAILABLE)
 *   lock         somebody else holds the target's lock (RV_UNAVAILABLE): nothing was done
 *   key          stage: the key is not there (RV_NOT_FOUND)
 *   pair         stage: certificate, key, chain or clock do not fit together (RV_INVALID); the slot was not made
 *   disk         no room (RV_LIMITED): nothing was changed
 *   adopt        switch: what is served now could not be made a slot (RV_DENIED, RV_INVALID): nothing was changed
 *   check-before switch: the server's own check fails without us (RV_UNAVAILABLE), a foreign error: nothing was flipped
 *   check        switch: it fails with the new pair (RV_INVALID): the old pair is back
 *   reload       switch: the reload failed or hung (RV_UNAVAILABLE): the old pair is back, the server told again
 *   undo         the old pair is current, but the server could not be told (RV_UNCERTAIN); the next step tells it again
 *   previous     undo of a switch that was kept: no previous pair, or it has expired (RV_CONFLICT): nothing was changed
 *   late         keep came after the target had put the old pair back (RV_CONFLICT)
 *   answer       what came back is not an answer of target.sh (RV_UNAVAILABLE; RV_UNCERTAIN after a change was asked for) */
#pragma once
#include "port/clock.h"
#include "port/connector.h"
#include "port/transport.h"
#include "port/work.h"

struct rv_deploy_options {
    struct rv_work *work;               /* borrowed as long as the connector lives */
    struct rv_transport_kind transport; /* copied; its ops->name becomes the connector's: "ssh", "local" */
    const struct rv_clock *clock;       /* borrowed */
};
void rv_deploy_create(const struct rv_deploy_options *options, struct rv_connector *ret);
/* When nothing is in flight. NULL ctx is fine. */
void rv_deploy_destroy(struct rv_connector *connector);
