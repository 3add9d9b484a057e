/* signer/protocol: what is written is read back, and nothing else is read at all. */
#include "support/cmocka.h"

#include "signer/protocol.h"

static struct rv_sign_item items[RV_SIGNER_BATCH], copies[RV_SIGNER_BATCH];

static int clean(void **state)
{
    (void)state;
    for (size_t i = 0; i < RV_SIGNER_BATCH; i++) {
        rv_buf_fini(&items[i].signature);
        rv_buf_fini(&copies[i].signature);
    }
    memset(items, 0, sizeof items);
    memset(copies, 0, sizeof copies);
    return 0;
}

static struct rv_signer_request sign_request(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memcpy(items[i].profile, "tls-server", sizeof "tls-server");
        items[i].tbs = rv_bytes_of("to be signed");
    }
    return (struct rv_signer_request){.kind = RV_SIGNER_SIGN, .id = 7, .issuer = "internal", .count = count, .items = items};
}

static void requests_come_back(void **state)
{
    (void)state;
    const struct rv_signer_request sent[] = {
        {.kind = RV_SIGNER_PING, .id = 1},
        {.kind = RV_SIGNER_SETUP, .id = 2, .issuer = "internal", .now = 1795442400000},
        {.kind = RV_SIGNER_JOURNAL, .id = 3, .issuer = "internal", .serial = "01ab"},
        sign_request(3),
    };
    for (size_t i = 0; i < RV_COUNT(sent); i++) {
        struct rv_buf frame = {0};
        rv_signer_request_encode(&sent[i], &frame);
        size_t whole;
        assert_int_equal(rv_signer_frame_length(rv_buf_bytes(&frame), &whole, NULL), RV_OK);
        assert_int_equal(whole, frame.len);
        struct rv_signer_request got = {.items = copies};
        assert_int_equal(rv_signer_request_decode(rv_buf_bytes(&frame), &got, NULL), RV_OK);
        assert_int_equal(got.kind, sent[i].kind);
        assert_int_equal(got.id, sent[i].id);
        assert_string_equal(got.issuer, sent[i].issuer);
        assert_int_equal(got.now, sent[i].now);
        assert_string_equal(got.serial, sent[i].serial);
        assert_int_equal(got.count, sent[i].count);
        for (size_t k = 0; k < got.count; k++) {
            assert_string_equal(got.items[k].profile, "tls-server");
            assert_true(rv_bytes_equal(got.items[k].tbs, items[k].tbs));
        }
        rv_buf_fini(&frame);
    }
}

static void replies_come_back(void **state)
{
    (void)state;
    sign_request(2);
    rv_buf_add_text(&items[0].signature, "signature");
    items[1].status = rv_fail(&items[1].err, RV_DENIED, "no");
    rv_error_where(&items[1].err, RV_DENIED, "X-04");
    struct rv_signer_reply reply = {.kind = RV_SIGNER_SIGN, .id = 9, .count = 2, .items = items};
    struct rv_buf frame = {0};
    rv_signer_reply_encode(&reply, &frame);
    struct rv_signer_reply got = {.count = 2, .items = copies};
    assert_int_equal(rv_signer_reply_decode(rv_buf_bytes(&frame), &got, NULL), RV_OK);
    assert_int_equal(got.id, 9);
    assert_string_equal(rv_buf_text(&copies[0].signature), "signature");
    assert_int_equal(copies[1].status, RV_DENIED);
    assert_string_equal(copies[1].err.where, "X-04");
    /* Another number of items than were asked for is no answer to the question. */
    struct rv_signer_reply wrong = {.count = 1, .items = copies};
    assert_int_equal(rv_signer_reply_decode(rv_buf_bytes(&frame), &wrong, NULL), RV_INVALID);
    rv_buf_fini(&frame);
}

static void every_cut_and_every_addition_is_refused(void **state)
{
    (void)state;
    struct rv_signer_request request = sign_request(2);
    struct rv_buf frame = {0};
    rv_signer_request_encode(&request, &frame);
    for (size_t n = 0; n < frame.len; n++) {
        struct rv_buf cut = {0};
        rv_buf_add(&cut, frame.data, n);
        if (n >= 4) { /* with a length that fits what is left, so that the body is looked at */
            uint32_t rest = (uint32_t)(n - 4);
            for (int i = 0; i < 4; i++)
                cut.data[i] = (uint8_t)(rest >> (24 - 8 * i));
        }
        struct rv_signer_request got = {.items = copies};
        assert_int_equal(rv_signer_request_decode(rv_buf_bytes(&cut), &got, NULL), RV_INVALID);
        rv_buf_fini(&cut);
    }
    rv_buf_add_byte(&frame, 0);
    frame.data[3]++;
    struct rv_signer_request got = {.items = copies};
    assert_int_equal(rv_signer_request_decode(rv_buf_bytes(&frame), &got, NULL), RV_INVALID);
    rv_buf_fini(&frame);
}

static void lengths_are_bounded_before_anything_is_read(void **state)
{
    (void)state;
    static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff}, tiny[] = {0, 0, 0, 1}, half[] = {0, 0};
    size_t whole;
    struct rv_error err;
    assert_int_equal(rv_signer_frame_length(RV_BYTES(huge, 4), &whole, &err), RV_INVALID);
    assert_int_equal(rv_signer_frame_length(RV_BYTES(tiny, 4), &whole, &err), RV_INVALID);
    assert_int_equal(rv_signer_frame_length(RV_BYTES(half, 2), &whole, &err), RV_OK);
    assert_int_equal(whole, 0);
}

static void issuer_names_that_are_paths_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "..", "../root", "a/b", "Internal"};
    for (size_t i = 0; i < RV_COUNT(bad); i++) {
        struct rv_signer_request request = {.kind = RV_SIGNER_SETUP, .now = 1};
        memcpy(request.issuer, bad[i], strlen(bad[i]) + 1);
        struct rv_buf frame = {0};
        rv_signer_request_encode(&request, &frame);
        struct rv_signer_request got = {.items = copies};
        assert_int_equal(rv_signer_request_decode(rv_buf_bytes(&frame), &got, NULL), RV_INVALID);
        rv_buf_fini(&frame);
    }
}

static void counts_outside_the_batch_are_refused(void **state)
{
    (void)state;
    static const uint16_t counts[] = {0, RV_SIGNER_BATCH + 1, 0xffff};
    for (size_t i = 0; i < RV_COUNT(counts); i++) {
        struct rv_signer_request request = sign_request(1);
        struct rv_buf frame = {0};
        rv_signer_request_encode(&request, &frame);
        size_t at = 9 + 2 + strlen("internal");
        frame.data[at] = (uint8_t)(counts[i] >> 8);
        frame.data[at + 1] = (uint8_t)counts[i];
        struct rv_signer_request got = {.items = copies};
        assert_int_equal(rv_signer_request_decode(rv_buf_bytes(&frame), &got, NULL), RV_INVALID);
        rv_buf_fini(&frame);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_come_back, clean, clean),
        cmocka_unit_test_setup_teardown(replies_come_back, clean, clean),
        cmocka_unit_test_setup_teardown(every_cut_and_every_addition_is_refused, clean, clean),
        cmocka_unit_test_setup_teardown(lengths_are_bounded_before_anything_is_read, clean, clean),
        cmocka_unit_test_setup_teardown(issuer_names_that_are_paths_are_refused, clean, clean),
        cmocka_unit_test_setup_teardown(counts_outside_the_batch_are_refused, clean, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
