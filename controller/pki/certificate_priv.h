/* Shared by the files that build and judge certificates. */
#pragma once
#include "pki/certificate.h"

void rv_ski_of(const struct rv_spki *spki, uint8_t ret[static RV_SKI_SIZE]);
