/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of passwd(5) and its kin. */
#include "run/accounts.h"

#include "base/base.h"

#include <string.h>

/* Cut the next line off *text, in place. */
static char *next_line(char **text)
{
    char *line = *text;
    if (!line || *line == '\0')
        return NULL;
    *text = strchr(line, '\n');
    if (*text)
        *(*text)++ = '\0';
    return line;
}

/* "a:b:c" -> fields; false where there are fewer than ${count}. */
static bool split_fields(char *line, char **fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fields[i] = line;
        line = line ? strchr(line, ':') : NULL;
        if (line)
            *line++ = '\0';
        else if (i + 1 < count)
            return false;
    }
    return true;
}

bool accounts_next(char **text, char **fields, size_t count)
{
    for (char *line; (line = next_line(text));)
        if (split_fields(line, fields, count))
            return true;
    return false;
}

bool accounts_id(const char *text, uint32_t *ret)
{
    uint64_t value;
    if (keg_parse_u64(text, 0, ACCOUNTS_ID_MAX, &value) < 0)
        return false;
    *ret = (uint32_t)value;
    return true;
}
