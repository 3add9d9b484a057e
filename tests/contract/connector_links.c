#include "contract/connector_case.h"
const struct CMUnitTest connector_links[] = {{0}}, connector_hosts[] = {{0}};
const size_t connector_links_count = 0, connector_hosts_count = 0;
