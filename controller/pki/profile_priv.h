#pragma once
#include "pki/profile.h"

/* keyUsage, extKeyUsage and basicConstraints of the profile, as they stand in a certificate; borrowed. */
struct rv_bytes rv_profile_extensions(const struct rv_profile *profile);
