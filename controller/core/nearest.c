#include "core/nearest.h"

#include <ctype.h>
#include <string.h>

#define LONGEST 63

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Optimal string alignment, three rows at a time. */
int rv_edit_distance(const char *a, const char *b)
{
    int rows[3][LONGEST + 2];
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST)
        return 99;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int *row = rows[i % 3], *up = rows[(i - 1) % 3], *upper = rows[(i + 1) % 3];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            row[j] = least(up[j - 1] + (x != y), least(up[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) && tolower((unsigned char)a[i - 2]) == y)
                row[j] = least(row[j], upper[j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

void rv_nearest_offer(struct rv_nearest *nearest, const char *candidate)
{
    int distance = rv_edit_distance(nearest->word, candidate);
    size_t n = strlen(nearest->word);
    if (distance > (n <= 3 ? 1 : (int)(n / 3)) || (nearest->best != NULL && distance >= nearest->distance))
        return;
    nearest->best = candidate;
    nearest->distance = distance;
}
