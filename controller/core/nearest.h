/* "Did you mean": the known word closest to what was written. */
#pragma once
#include <stddef.h>

/* Number of letters to change, drop, add or swap to get from a to b, case ignored; 99 when either is longer than 63. */
int rv_edit_distance(const char *a, const char *b);
/* Keep one while walking the known words: *best (NULL at first) becomes `candidate` when it is nearer to `word` than
 * what was kept, and near enough to be a slip of the pen. */
struct rv_nearest {
    const char *word, *best;
    int distance;
};
void rv_nearest_offer(struct rv_nearest *nearest, const char *candidate);
