/* Between client and signer: passes everything on, but closes the connection instead of delivering every n-th answer to a
 * sign request. A thread of the test. */
#pragma once

struct proxy;
struct proxy *proxy_start(const char *listen_path, const char *signer_path, int lose_every);
int proxy_lost(struct proxy *proxy); /* answers dropped so far */
void proxy_stop(struct proxy *proxy);
