#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "base/time.h"

static enum rv_log_level least_level = RV_LOG_INFO;
static int as_json = -1;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void rv_log_setup(enum rv_log_level least, int json)
{
    least_level = least;
    as_json = json >= 0 ? json : !isatty(STDERR_FILENO);
}

/* One write a line, so that lines of several threads do not mix. The time of a log line is for people only: it is read
 * here and decides nothing. */
static void emit(enum rv_log_level level, const struct rv_log_context *ctx, const char *text, const struct rv_error *err)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char when[RV_TIME_TEXT];
    rv_time_text(when, (rv_time)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    struct rv_buf line = {0};
    static const struct rv_log_context none;
    if (ctx == NULL)
        ctx = &none;
    if (as_json != 0) {
        json_t *o = json_object();
        rv_json_set_text(o, "time", when);
        rv_json_set_text(o, "level", level_names[level]);
        rv_json_set_text(o, "area", ctx->area);
        rv_json_set_text(o, "message", text);
        rv_json_set_text(o, "certificate", ctx->certificate);
        rv_json_set_text(o, "target", ctx->target);
        rv_json_set_text(o, "issuer", ctx->issuer);
        if (ctx->job != 0)
            rv_json_set_int(o, "job", ctx->job);
        if (ctx->attempt != 0)
            rv_json_set_int(o, "attempt", ctx->attempt);
        if (err != NULL)
            rv_json_set(o, "error", rv_json_error(err));
        char *dumped = rv_json_text(o);
        rv_buf_add_text(&line, dumped);
        rv_free(dumped);
        json_decref(o);
    } else {
        rv_buf_printf(&line, "%s %-5s ", when, level_names[level]);
        if (ctx->area != NULL)
            rv_buf_printf(&line, "%s: ", ctx->area);
        if (ctx->certificate != NULL)
            rv_buf_printf(&line, "%s%s%s: ", ctx->certificate, ctx->target != NULL ? " on " : "",
                          ctx->target != NULL ? ctx->target : "");
        rv_printable(&line, text, strlen(text));
        if (err != NULL) {
            char full[1024];
            rv_error_text(err, full, sizeof full);
            rv_buf_add_text(&line, ": ");
            rv_printable(&line, full, strlen(full));
        }
    }
    rv_buf_add_byte(&line, '\n');
    ssize_t ignored = write(STDERR_FILENO, line.data, line.len);
    (void)ignored;
    rv_buf_fini(&line);
}

void rv_log(enum rv_log_level level, const struct rv_log_context *ctx, const char *format, ...)
{
    if (level < least_level)
        return;
    char small[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(small, sizeof small, format, args);
    va_end(args);
    emit(level, ctx, small, NULL);
}

void rv_log_error(enum rv_log_level level, const struct rv_log_context *ctx, const struct rv_error *err, const char *what)
{
    if (level >= least_level)
        emit(level, ctx, what, err);
}
