#include "contract/connector_case.h"
const struct CMUnitTest connector_faults[] = {{0}};
const size_t connector_faults_count = 0;
