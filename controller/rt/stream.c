#include "rt/stream_priv.h"

struct write {
    uv_write_t request;
    void (*later)(void *arg, int failure);
    void *arg;
    uint8_t data[];
};

static void written(uv_write_t *request, int status)
{
    struct write *w = request->data;
    void (*later)(void *, int) = w->later;
    void *arg = w->arg;
    rv_free(w);
    later(arg, status);
}

int rv_stream_write(uv_stream_t *stream, struct rv_bytes bytes, void (*later)(void *arg, int failure), void *arg)
{
    if (uv_stream_get_write_queue_size(stream) == 0) {
        uv_buf_t now = uv_buf_init((char *)(uintptr_t)bytes.ptr, (unsigned)bytes.len);
        int n = uv_try_write(stream, &now, 1);
        if (n < 0 && n != UV_EAGAIN)
            return n;
        if (n > 0)
            bytes = RV_BYTES(bytes.ptr + n, bytes.len - (size_t)n);
        if (bytes.len == 0)
            return 0;
    }
    struct write *w = rv_alloc(sizeof *w + bytes.len);
    w->request.data = w;
    w->later = later;
    w->arg = arg;
    memcpy(w->data, bytes.ptr, bytes.len);
    uv_buf_t rest = uv_buf_init((char *)w->data, (unsigned)bytes.len);
    int failure = uv_write(&w->request, stream, &rest, 1, written);
    if (failure != 0)
        rv_free(w);
    return failure;
}
