/* The command table. */
#include "cli/cli.h"

static const struct rv_cli_option none[] = {{0}};
static const struct rv_cli_option apply_options[] = {
    {"file", 'f', "PATH", "File, folder, or - for standard input; may be given several times"},
    {"wait", 0, NULL, "Follow until everything of the set is served, or cannot go on"},
    {"timeout", 0, "DURATION", "With --wait: give up following after this time (10m); the work goes on"},
    {"dry-run", 0, NULL, "Say what would change and change nothing"},
    {0},
};
static const struct rv_cli_option file_options[] = {
    {"file", 'f', "PATH", "File, folder, or - for standard input; may be given several times"},
    {0},
};
static const struct rv_cli_option wait_options[] = {
    {"wait", 0, NULL, "Follow until it is served everywhere, or cannot go on"},
    {"timeout", 0, "DURATION", "With --wait: give up following after this time (10m); the work goes on"},
    {"dry-run", 0, NULL, "Say what would happen and do nothing"},
    {0},
};
static const struct rv_cli_option dry_options[] = {
    {"dry-run", 0, NULL, "Say what would happen and do nothing"},
    {0},
};
static const struct rv_cli_option follow_options[] = {
    {"follow", 0, NULL, "Follow until it is served everywhere, or cannot go on"},
    {"timeout", 0, "DURATION", "With --follow: give up after this time (10m)"},
    {0},
};
static const struct rv_cli_option issue_options[] = {
    {"issuer", 0, "NAME", "Issuer (internal)"},
    {"profile", 0, "NAME", "Profile (tls-server)"},
    {"csr", 0, "FILE", "PKCS#10 request as PEM, - for standard input"},
    {"dry-run", 0, NULL, "Check that the request can be sent and send nothing"},
    {0},
};
static const struct rv_cli_option token_options[] = {
    {"role", 0, "ROLE", "admin, operator, issuer or viewer"},
    {"expires-in", 0, "DURATION", "At most 365d (90d)"},
    {"dry-run", 0, NULL, "Say what would be made and make nothing"},
    {0},
};
static const struct rv_cli_option link_options[] = {
    {"role", 0, "ROLE", "admin, operator, issuer or viewer (admin)"},
    {"expires-in", 0, "DURATION", "At most 24h (15m)"},
    {"dry-run", 0, NULL, "Say what would be made and make nothing"},
    {0},
};
static const struct rv_cli_option audit_options[] = {
    {"after", 0, "NUMBER", "Only rows behind this number"},
    {"limit", 0, "COUNT", "At most so many rows (the newest 50)"},
    {0},
};
static const struct rv_cli_option doctor_options[] = {
    {"deep", 0, NULL, "Check the stored facts against each other too (runs reeve-fsck)"},
    {0},
};

const struct rv_cli_option rv_cli_globals[] = {
    {"data", 0, "DIR", "Folder of the service on this machine (or REEVE_DATA); its socket is the login"},
    {"server", 0, "URL", "Service elsewhere, https://host:port; the token is read from the file REEVE_TOKEN_FILE names"},
    {"ca", 0, "FILE", "With --server: PEM of what to trust (the system's)"},
    {"output", 'o', "FORMAT", "table, json (stable names, as in the REST interface), or name"},
    {"no-color", 0, NULL, "No colours (or NO_COLOR)"},
    {"quiet", 'q', NULL, "Only errors"},
    {"help", 'h', NULL, "Help"},
    {0},
};

const struct rv_cli_command rv_cli_commands[] = {
    {"up", "[OPTION…]", 0, 0, "Run the service in the foreground",
     "Runs reeved from the folder that this program is in, with the same options; `reeved --help` lists them. On first use "
     "it "
     "makes a root and an issuing CA, an administrator and a one-time sign-in link, and prints the addresses it listens on.",
     none, rv_cmd_up, true},
    {"apply", "-f PATH", 0, 0, "Declare what is in files, all or none",
     "Sends every document at once. A set with a fault is refused as a whole: each fault is shown with file, line and "
     "field. "
     "With --wait it follows the certificates of the set until a handshake with every endpoint has shown the new one.",
     apply_options, rv_cmd_apply, false},
    {"plan", "[-f PATH]", 0, 0, "Show what would happen, and change nothing",
     "With -f: what applying these files would change, and the next step that follows for every certificate on every "
     "target. "
     "Without: what the controller does next.",
     file_options, rv_cmd_plan, false},
    {"diff", "-f PATH", 0, 0, "Show field by field what applying files would change", NULL, file_options, rv_cmd_diff,
     false},
    {"get", "KIND [NAME]", 1, 2, "List what is declared, or show one",
     "KIND is certificates, targets, profiles, issuers, or issued (the inventory of what was signed).", none, rv_cmd_get,
     false},
    {"describe", "certificate NAME", 2, 2, "Show one certificate, its targets and what they serve", NULL, none,
     rv_cmd_describe, false},
    {"why", "NAME", 1, 1, "Say why a certificate is in its state and what happens next",
     "Says what is the case, what happens next, when, what would change that, and what was tried last. The exit status is "
     "that of the certificate's state.",
     none, rv_cmd_why, false},
    {"issue", "--csr FILE", 0, 0, "Have one request signed at once",
     "Prints the certificate and its chain as PEM on standard output.", issue_options, rv_cmd_issue, false},
    {"renew", "NAME", 1, 1, "Renew a certificate now, on every target", NULL, wait_options, rv_cmd_renew, false},
    {"verify", "NAME", 1, 1, "Look at the endpoints of a certificate now",
     "Asks for fresh handshakes, waits until they were made and shows what is served.", dry_options, rv_cmd_verify, false},
    {"approve", "NAME", 1, 1, "Agree to the change that waits for approval (mode Propose)", NULL, dry_options,
     rv_cmd_approve, false},
    {"rollout status", "NAME", 1, 1, "Show how far a certificate has come through its targets", NULL, follow_options,
     rv_cmd_rollout_status, false},
    {"delete", "KIND NAME", 2, 2, "Stop caring for something that was declared",
     "Nothing is removed from a target: what is deployed stays where it is.", dry_options, rv_cmd_delete, false},
    {"token create", "NAME", 1, 1, "Make a token for a program; it is printed this once", NULL, token_options,
     rv_cmd_token_create, false},
    {"token list", "", 0, 0, "List tokens, without their secrets", NULL, none, rv_cmd_token_list, false},
    {"token revoke", "ID", 1, 1, "Revoke a token, at once", NULL, dry_options, rv_cmd_token_revoke, false},
    {"token link", "[NAME]", 0, 1, "Make a one-time sign-in link for the dashboard", NULL, link_options, rv_cmd_token_link,
     false},
    {"audit list", "", 0, 0, "Show who did what", NULL, audit_options, rv_cmd_audit_list, false},
    {"audit verify", "", 0, 0, "Compute the hash chain of the audit again", NULL, none, rv_cmd_audit_verify, false},
    {"clock accept", "", 0, 0, "Vouch for the time after the clock jumped, so that issuing goes on", NULL, dry_options,
     rv_cmd_clock_accept, false},
    {"doctor", "", 0, 0, "Check that everything is in order, and say what is not", NULL, doctor_options, rv_cmd_doctor,
     false},
    {"version", "", 0, 0, "Say the version", NULL, none, rv_cmd_version, false},
    {"completion", "SHELL", 1, 1, "Print the completion script for bash, zsh or fish",
     "bash: source <(reeve completion bash). zsh: reeve completion zsh > \"${fpath[1]}/_reeve\". "
     "fish: reeve completion fish > ~/.config/fish/completions/reeve.fish.",
     none, rv_cmd_completion, false},
};
const size_t rv_cli_command_count = sizeof rv_cli_commands / sizeof *rv_cli_commands;
