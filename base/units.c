/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes, durations and times as docker writes and reads them. */
#include "base/base.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

/* The exponent of 1024 that a suffix such as "k", "mb" or "GiB" stands for, or -1. */
static int size_exponent(const char *suffix)
{
    static const char letters[] = "bkmgtp";
    if (!*suffix)
        return 0;
    const char *at = strchr(letters, tolower((unsigned char)*suffix));
    if (!at)
        return -1;
    int exponent = (int)(at - letters);
    const char *rest = suffix + 1;
    if (!*rest || (exponent > 0 && (strcasecmp(rest, "b") == 0 || strcasecmp(rest, "ib") == 0)))
        return exponent;
    return -1;
}

/* Digits, with at most one point that has a digit in front. Returns their number, 0 for none. */
static size_t number_length(const char *s)
{
    size_t n = strspn(s, "0123456789");
    if (n && s[n] == '.')
        n += 1 + strspn(s + n + 1, "0123456789");
    return n;
}

int keg_parse_size(const char *s, uint64_t *ret_bytes)
{
    size_t n = s ? number_length(s) : 0;
    if (!n || n > 31)
        return -EINVAL;
    const char *suffix = s + n;
    while (*suffix == ' ')
        suffix++;
    int exponent = size_exponent(suffix);
    if (exponent < 0)
        return -EINVAL;
    double whole = 0, scale = 1;
    const char *p = s;
    for (; p < s + n && *p != '.'; p++)
        whole = whole * 10 + (*p - '0');
    for (p++; p < s + n; p++)
        whole += (*p - '0') * (scale /= 10);
    double bytes = ldexp(whole, 10 * exponent);
    if (bytes >= 9223372036854775808.0)
        return -ERANGE;
    *ret_bytes = (uint64_t)bytes;
    return 0;
}

static void format_scaled(double value, double base, const char *const *units, size_t count,
                          char text[static 32])
{
    size_t unit = 0;
    /* Half a step below the base the printed digits would round to it, and %g turn to exponents. */
    double limit = base == 1024.0 ? base : base - 0.5;
    while (value >= limit && unit + 1 < count) {
        value /= base;
        unit++;
    }
    (void)snprintf(text, 32, "%.*g%s", base == 1024.0 ? 4 : 3, value, units[unit]);
}

void keg_format_size(uint64_t bytes, char text[static 32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    format_scaled((double)bytes, 1000.0, units, KEG_ARRAY_SIZE(units), text);
}

void keg_format_size_binary(uint64_t bytes, char text[static 32])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    format_scaled((double)bytes, 1024.0, units, KEG_ARRAY_SIZE(units), text);
}

void keg_format_duration(int64_t seconds, char text[static 48])
{
    const int64_t minute = 60, hour = 3600, day = 24 * 3600;
    if (seconds < 1)
        (void)snprintf(text, 48, "Less than a second");
    else if (seconds == 1)
        (void)snprintf(text, 48, "1 second");
    else if (seconds < minute)
        (void)snprintf(text, 48, "%lld seconds", (long long)seconds);
    else if (seconds < 2 * minute)
        (void)snprintf(text, 48, "About a minute");
    else if (seconds < hour)
        (void)snprintf(text, 48, "%lld minutes", (long long)(seconds / minute));
    else if ((seconds + hour / 2) / hour == 1)
        (void)snprintf(text, 48, "About an hour");
    else if ((seconds + hour / 2) / hour < 48)
        (void)snprintf(text, 48, "%lld hours", (long long)((seconds + hour / 2) / hour));
    else if (seconds < 14 * day)
        (void)snprintf(text, 48, "%lld days", (long long)(seconds / day));
    else if (seconds < 60 * day)
        (void)snprintf(text, 48, "%lld weeks", (long long)(seconds / (7 * day)));
    else if (seconds < 730 * day)
        (void)snprintf(text, 48, "%lld months", (long long)(seconds / (30 * day)));
    else
        (void)snprintf(text, 48, "%lld years", (long long)(seconds / (365 * day)));
}

/* Days since 1970 as year, month and day of the proleptic Gregorian calendar. gmtime_r would do,
 * but makes glibc read /etc/localtime: on the start path that is seven system calls. The year
 * begins in March here, so that the leap day is its last. */
static void civil_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    const int64_t days_of_era = 146097; /* 400 years */
    days += 719468;                     /* from 0000-03-01 to 1970-01-01 */
    int64_t era = (days >= 0 ? days : days - (days_of_era - 1)) / days_of_era;
    int64_t day_of_era = days - era * days_of_era;
    int64_t year =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    int month = (int)((5 * day_of_year + 2) / 153);
    *ret_day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    *ret_month = month < 10 ? month + 3 : month - 9;
    *ret_year = year + era * 400 + (*ret_month <= 2);
}

void keg_format_time(struct timespec t, char text[static 40])
{
    int64_t seconds = t.tv_sec, days = seconds / 86400, rest = seconds % 86400, year;
    int month, day;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    civil_from_days(days, &year, &month, &day);
    if (year < 0 || year > 9999) {
        (void)snprintf(text, 40, "0001-01-01T00:00:00.000000000Z");
        return;
    }
    (void)snprintf(text, 40, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ", (int)year, month, day,
                   (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60), t.tv_nsec);
}

/* Two to nine digits exactly, as a number; advances *s. */
static int take_digits(const char **s, int count, int *ret)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (!isdigit((unsigned char)(*s)[i]))
            return -EINVAL;
        value = value * 10 + ((*s)[i] - '0');
    }
    *s += count;
    *ret = value;
    return 0;
}

static long take_fraction(const char **s)
{
    long nanoseconds = 0, unit = 100000000;
    for ((*s)++; isdigit((unsigned char)**s); (*s)++, unit /= 10)
        nanoseconds += (**s - '0') * unit;
    return nanoseconds;
}

/* "Z" or "+hh:mm"; *ret in seconds east of UTC. */
static int take_offset(const char **s, int *ret)
{
    if (**s == 'Z' || **s == 'z') {
        (*s)++;
        *ret = 0;
        return 0;
    }
    int sign = **s == '-' ? -1 : 1, hours, minutes;
    if (**s != '+' && **s != '-')
        return -EINVAL;
    (*s)++;
    if (take_digits(s, 2, &hours) < 0 || *(*s)++ != ':' || take_digits(s, 2, &minutes) < 0)
        return -EINVAL;
    *ret = sign * (hours * 3600 + minutes * 60);
    return 0;
}

/* The other way round; a day beyond the month's last counts on into the next one, as timegm does.
 */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

int keg_parse_time(const char *s, struct timespec *ret)
{
    struct tm tm = {0};
    int offset;
    long nanoseconds = 0;
    if (take_digits(&s, 4, &tm.tm_year) < 0 || *s++ != '-' || take_digits(&s, 2, &tm.tm_mon) < 0 ||
        *s++ != '-' || take_digits(&s, 2, &tm.tm_mday) < 0 || (*s != 'T' && *s != 't'))
        return -EINVAL;
    s++;
    if (take_digits(&s, 2, &tm.tm_hour) < 0 || *s++ != ':' || take_digits(&s, 2, &tm.tm_min) < 0 ||
        *s++ != ':' || take_digits(&s, 2, &tm.tm_sec) < 0)
        return -EINVAL;
    if (*s == '.')
        nanoseconds = take_fraction(&s);
    if (take_offset(&s, &offset) < 0 || *s)
        return -EINVAL;
    if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
        tm.tm_min > 59 || tm.tm_sec > 60)
        return -EINVAL;
    int64_t days = days_from_civil(tm.tm_year, tm.tm_mon, tm.tm_mday);
    *ret = (struct timespec){.tv_sec = days * 86400 + tm.tm_hour * 3600 + tm.tm_min * 60 +
                                       tm.tm_sec - offset,
                             .tv_nsec = nanoseconds};
    return 0;
}
