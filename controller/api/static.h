/* The dashboard's files, built elsewhere and embedded in the program as a table. */
#pragma once
#include <stddef.h>

struct rv_static_file {
    const char *path;         /* "/index.html", "/assets/app-4f3a.js" */
    const char *content_type; /* "text/html; charset=utf-8" */
    const char *etag;         /* with its quotes: "\"4f3a…\"" */
    const unsigned char *bytes;
    size_t size;
};
