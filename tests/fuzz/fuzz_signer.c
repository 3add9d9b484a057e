/* signer/protocol: any bytes, as frame, request and reply. What is accepted must come out the same when written again. */
#include <stdlib.h>

#include "signer/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_request(struct rv_bytes frame)
{
    static struct rv_sign_item items[RV_SIGNER_BATCH];
    struct rv_signer_request request = {.items = items};
    if (rv_signer_request_decode(frame, &request, NULL) != RV_OK)
        return;
    struct rv_buf again = {0};
    rv_signer_request_encode(&request, &again);
    if (!rv_bytes_equal(rv_buf_bytes(&again), frame))
        abort();
    rv_buf_fini(&again);
}

static void try_reply(struct rv_bytes frame, size_t count)
{
    struct rv_sign_item items[4] = {0};
    struct rv_signer_reply reply = {.items = items, .count = count};
    enum rv_status ignored = rv_signer_reply_decode(frame, &reply, NULL);
    (void)ignored;
    for (size_t i = 0; i < 4; i++)
        rv_buf_fini(&items[i].signature);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rv_bytes frame = RV_BYTES(data, size);
    size_t whole = 0;
    struct rv_error err;
    if (rv_signer_frame_length(frame, &whole, &err) != RV_OK || whole == 0 || whole > size)
        return 0;
    frame.len = whole;
    try_request(frame);
    try_reply(frame, size % 5);
    return 0;
}
