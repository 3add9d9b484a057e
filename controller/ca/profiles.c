#include "ca/profiles.h"

#include <pthread.h>

#include "port/store_object.h"

#define KEPT 64 /* compiled profiles; beyond that the oldest goes */

struct rv_profiles {
    pthread_mutex_t lock;
    struct {
        char name[64];
        int64_t generation; /* 0: built in */
        struct rv_profile *profile;
    } kept[KEPT];
    size_t next;
};

struct rv_profiles *rv_profiles_create(void)
{
    struct rv_profiles *p = rv_zalloc(sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

void rv_profiles_destroy(struct rv_profiles *profiles)
{
    if (profiles == NULL)
        return;
    for (size_t i = 0; i < KEPT; i++)
        rv_profile_release(profiles->kept[i].profile);
    pthread_mutex_destroy(&profiles->lock);
    rv_free(profiles);
}

static struct rv_profile *look_up(struct rv_profiles *p, const char *name, int64_t generation)
{
    struct rv_profile *found = NULL;
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < KEPT && found == NULL; i++)
        if (p->kept[i].profile != NULL && p->kept[i].generation == generation && strcmp(p->kept[i].name, name) == 0)
            found = rv_profile_retain(p->kept[i].profile);
    pthread_mutex_unlock(&p->lock);
    return found;
}

static void keep(struct rv_profiles *p, const char *name, int64_t generation, struct rv_profile *profile)
{
    pthread_mutex_lock(&p->lock);
    size_t at = p->next++ % KEPT;
    for (size_t i = 0; i < KEPT; i++)
        if (p->kept[i].profile != NULL && strcmp(p->kept[i].name, name) == 0)
            at = i; /* an older generation */
    rv_profile_release(p->kept[at].profile);
    strncpy(p->kept[at].name, name, sizeof p->kept[at].name - 1);
    p->kept[at].generation = generation;
    p->kept[at].profile = rv_profile_retain(profile);
    pthread_mutex_unlock(&p->lock);
}

static enum rv_status compile(const char *name, const char *document, struct rv_profile **ret, struct rv_error *err)
{
    json_t *parsed = NULL;
    struct rv_object *object = NULL;
    struct rv_fault *faults = NULL;
    struct rv_arena *arena = rv_arena_create();
    enum rv_status status = rv_json_parse(rv_bytes_of(document), &parsed, err);
    if (status == RV_OK && rv_object_decode(parsed, arena, &object, &faults) != RV_OK)
        status = rv_fail(err, RV_INTERNAL, "the stored profile %s cannot be read: %s: %s", name,
                         faults != NULL ? faults->path : "", faults != NULL ? faults->message : "");
    if (status == RV_OK)
        status = rv_profile_compile(name, &object->profile, ret, err);
    json_decref(parsed);
    rv_arena_destroy(arena);
    return status;
}

enum rv_status rv_profiles_get(struct rv_profiles *profiles, struct rv_tx *tx, const char *name, struct rv_profile **ret,
                               struct rv_error *err)
{
    struct rv_object_row row = {0};
    const struct rv_object *builtin = NULL;
    enum rv_status status = rv_object_get(tx, RV_KIND_PROFILE, name, &row, err);
    if (status == RV_NOT_FOUND) {
        builtin = rv_builtin_object(RV_KIND_PROFILE, name);
        if (builtin == NULL) {
            rv_fail(err, RV_NOT_FOUND, "there is no profile %s", name);
            return rv_error_hint(err, RV_NOT_FOUND, "declare it, or use the built-in profile tls-server");
        }
        row.generation = 0;
    } else if (status != RV_OK) {
        return status;
    }
    struct rv_profile *profile = look_up(profiles, name, row.generation);
    status = RV_OK;
    if (profile == NULL) {
        status = builtin != NULL ? rv_profile_compile(name, &builtin->profile, &profile, err)
                                 : compile(name, row.document, &profile, err);
        if (status == RV_OK)
            keep(profiles, name, row.generation, profile);
    }
    if (builtin == NULL)
        rv_object_row_fini(&row);
    if (status == RV_OK)
        *ret = profile;
    return status;
}
