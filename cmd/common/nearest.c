/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": the candidate that is the fewest slips of the fingers away. */
#include "cmd/common/options.h"

#include <string.h>

/* Longer words are not typed by hand; the table below stays on the stack. */
enum { WORD_MAX = 40 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Letters to add, drop, change or swap with their neighbour: the restricted Damerau-Levenshtein
 * distance. */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned d[WORD_MAX + 1][WORD_MAX + 1];
    for (size_t i = 0; i <= a_length; i++)
        d[i][0] = (unsigned)i;
    for (size_t j = 0; j <= b_length; j++)
        d[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        for (size_t j = 1; j <= b_length; j++) {
            unsigned changed = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            d[i][j] = least(changed, least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[a_length][b_length];
}

const char *cmd_nearest(const char *word, const char *const *candidates, size_t count)
{
    size_t length = strlen(word);
    if (length < 2 || length > WORD_MAX)
        return NULL;
    unsigned best = length < 5 ? 2 : 3; /* one more than is allowed */
    const char *found = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t candidate_length = strlen(candidates[i]);
        if (candidate_length > WORD_MAX)
            continue;
        unsigned slips = distance(word, length, candidates[i], candidate_length);
        if (slips >= best || slips >= candidate_length)
            continue;
        best = slips;
        found = candidates[i];
    }
    return found;
}
