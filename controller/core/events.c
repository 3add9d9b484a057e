#include "core/events.h"

#include <string.h>

const struct rv_event rv_events[] = {
    {"binding.halted", "Work on a certificate on a target stopped: a person is needed", RV_SEVERITY_ALARM},
    {"binding.resumed", "Work on a certificate on a target goes on", RV_SEVERITY_INFO},
    {"ca.created", "A certificate authority was made", RV_SEVERITY_NOTICE},
    {"certificate.abandoned", "A reserved serial number will never become a certificate", RV_SEVERITY_NOTICE},
    {"certificate.approved", "A person approved what is planned for a certificate", RV_SEVERITY_NOTICE},
    {"certificate.converged", "Every endpoint serves the issued certificate", RV_SEVERITY_INFO},
    {"certificate.expiring", "A certificate will expire before its renewal can be expected", RV_SEVERITY_ALARM},
    {"certificate.issued", "A certificate was issued", RV_SEVERITY_INFO},
    {"certificate.refused", "A request for a certificate was refused", RV_SEVERITY_WARNING},
    {"certificate.reserved", "A serial number was reserved for a certificate", RV_SEVERITY_INFO},
    {"certificate.revoked", "A certificate was revoked", RV_SEVERITY_NOTICE},
    {"certificate.signed", "A certificate was signed", RV_SEVERITY_INFO},
    {"clock.accepted", "A person accepted the clock of the controller as it is", RV_SEVERITY_NOTICE},
    {"clock.jumped", "The clock of the controller jumped", RV_SEVERITY_WARNING},
    {"drift.found", "An endpoint serves something else than before", RV_SEVERITY_WARNING},
    {"endpoint.changed", "What an endpoint serves has changed", RV_SEVERITY_INFO},
    {"key.lost", "A key is not where it was made any more", RV_SEVERITY_WARNING},
    {"key.made", "A private key was made", RV_SEVERITY_INFO},
    {"link.created", "A one-time sign-in link was made", RV_SEVERITY_NOTICE},
    {"object.created", "An object was declared", RV_SEVERITY_NOTICE},
    {"object.deleted", "An object was deleted", RV_SEVERITY_NOTICE},
    {"object.updated", "An object was changed", RV_SEVERITY_NOTICE},
    {"plan.approved", "A plan was approved", RV_SEVERITY_NOTICE},
    {"renewal.requested", "A renewal was requested", RV_SEVERITY_NOTICE},
    {"service.started", "The service started", RV_SEVERITY_INFO},
    {"service.stopped", "The service stopped", RV_SEVERITY_INFO},
    {"session.ended", "A person signed out, or was signed out", RV_SEVERITY_INFO},
    {"session.refused", "A sign-in was refused", RV_SEVERITY_WARNING},
    {"session.started", "A person signed in", RV_SEVERITY_INFO},
    {"step.failed", "A step failed and will be tried again", RV_SEVERITY_WARNING},
    {"target.kept", "A target keeps its new certificate: it proved itself", RV_SEVERITY_INFO},
    {"target.staged", "A new pair lies ready on a target", RV_SEVERITY_INFO},
    {"target.switched", "A target was switched to its new certificate", RV_SEVERITY_INFO},
    {"target.undone", "A target was put back to its previous certificate", RV_SEVERITY_WARNING},
    {"token.created", "An access token was made", RV_SEVERITY_NOTICE},
    {"token.revoked", "An access token was revoked", RV_SEVERITY_NOTICE},
    {"verification.requested", "A look at the endpoints was requested", RV_SEVERITY_INFO},
};
const size_t rv_event_count = sizeof rv_events / sizeof *rv_events;

const char *rv_severity_name(enum rv_severity severity)
{
    static const char *const names[RV_SEVERITY_COUNT] = {"info", "notice", "warning", "alarm"};
    return names[severity];
}

const struct rv_event *rv_event_find(const char *action)
{
    size_t low = 0, high = rv_event_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(action, rv_events[middle].action);
        if (order == 0)
            return &rv_events[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
