/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing a document exactly. jansson's whole numbers are int64_t, and it refuses a document that
 * has a larger one, while limits of 2^64-1 (RLIM_INFINITY) are common. Such literals are replaced
 * before it sees them: by a real, as long as the literal was (so that line and column of an error
 * stay), whose value is a place in a table. Since no document of the spec has reals, those that it
 * has all the same become 0.0, which is nobody's place, and read as what they are: no whole number.
 */
#include "run/spec_node.h"

#include <ctype.h>
#include <string.h>

struct literal {
    size_t at, length;
    bool real, exotic; /* exotic: whole, and jansson cannot hold it */
    struct spec_number number;
};

static bool is_number_byte(char c)
{
    return isdigit((unsigned char)c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static size_t string_length(const char *text, size_t length)
{
    for (size_t i = 1; i < length; i++) {
        if (text[i] == '\\')
            i++;
        else if (text[i] == '"')
            return i + 1;
    }
    return length;
}

static void classify(const char *text, struct literal *literal)
{
    const char *digits = text + literal->at, *end = digits + literal->length;
    literal->number = (struct spec_number){.negative = *digits == '-'};
    literal->real = false;
    for (digits += literal->number.negative; digits < end; digits++) {
        uint64_t *value = &literal->number.value;
        if (!isdigit((unsigned char)*digits)) {
            literal->real = true;
            return;
        }
        literal->number.overflow |=
            __builtin_mul_overflow(*value, 10u, value) ||
            __builtin_add_overflow(*value, (unsigned)(*digits - '0'), value);
    }
    uint64_t largest = (uint64_t)INT64_MAX + literal->number.negative;
    /* With a zero in front it is no number of JSON's, which jansson is to say. */
    literal->exotic = text[literal->at + literal->number.negative] != '0' &&
                      (literal->number.overflow || literal->number.value > largest);
}

/* The next number from *at on, which moves behind it. */
static bool next_number(const char *text, size_t length, size_t *at, struct literal *ret)
{
    while (*at < length) {
        if (text[*at] == '"') {
            *at += string_length(text + *at, length - *at);
        } else if (isdigit((unsigned char)text[*at]) || text[*at] == '-') {
            *ret = (struct literal){.at = *at};
            while (*at < length && is_number_byte(text[*at]))
                (*at)++;
            ret->length = *at - ret->at;
            classify(text, ret);
            return true;
        } else {
            (*at)++;
        }
    }
    return false;
}

static int remember(struct spec_document *document, const struct spec_number *number)
{
    struct spec_number *numbers =
        reallocarray(document->numbers, document->numbers_count + 1, sizeof(*numbers));
    if (!numbers)
        return -ENOMEM;
    document->numbers = numbers;
    numbers[document->numbers_count++] = *number;
    return 0;
}

/* "12.0000000000000000": the shortest literal that is replaced has 19 digits, and a document of
 * KEG_SPEC_MAX_BYTES has less than a million of them. */
static void write_place(char *literal, size_t length, size_t place)
{
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%zu.", place);
    memset(literal, '0', length);
    memcpy(literal, digits, (size_t)n);
}

/* Only where it is a real by JSON's grammar: else jansson is to say what is wrong with it. */
static bool is_json_real(const char *text, size_t length)
{
    size_t i = length > 0 && text[0] == '-';
    size_t whole = i;
    while (i < length && isdigit((unsigned char)text[i]))
        i++;
    if (i == whole || (text[whole] == '0' && i - whole > 1))
        return false;
    if (i < length && text[i] == '.') {
        size_t fraction = ++i;
        while (i < length && isdigit((unsigned char)text[i]))
            i++;
        if (i == fraction)
            return false;
    }
    if (i < length && (text[i] == 'e' || text[i] == 'E')) {
        i++;
        i += i < length && (text[i] == '+' || text[i] == '-');
        size_t exponent = i;
        while (i < length && isdigit((unsigned char)text[i]))
            i++;
        if (i == exponent)
            return false;
    }
    return i == length;
}

static int replace(char *text, size_t length, struct spec_document *document)
{
    struct literal literal;
    for (size_t at = 0; next_number(text, length, &at, &literal);) {
        char *place = text + literal.at;
        if (literal.real && is_json_real(place, literal.length)) {
            memset(place, '0', literal.length);
            place[1] = '.';
        } else if (literal.exotic && !literal.real) {
            if (remember(document, &literal.number) < 0)
                return -ENOMEM;
            write_place(place, literal.length, document->numbers_count);
        }
    }
    return 0;
}

static bool has_exotic(const char *text, size_t length)
{
    struct literal literal;
    for (size_t at = 0; next_number(text, length, &at, &literal);)
        if (literal.exotic && !literal.real)
            return true;
    return false;
}

static int parse(const char *text, size_t length, struct spec_document *document)
{
    _cleanup_free_ char *copy = NULL;
    if (has_exotic(text, length)) {
        copy = malloc(length);
        if (!copy)
            return keg_fail(document->err, -ENOMEM, "out of memory");
        memcpy(copy, text, length);
        if (replace(copy, length, document) < 0)
            return keg_fail(document->err, -ENOMEM, "out of memory");
    }
    document->json = keg_json_parse(copy ? copy : text, length, document->err);
    return document->json ? 0 : -EPROTO;
}

int spec_document_parse(const char *text, size_t length, char ***ret_warnings,
                        struct spec_document *ret, struct keg_err *err)
{
    *ret = (struct spec_document){.warnings = ret_warnings, .err = err};
    if (length > KEG_SPEC_MAX_BYTES)
        return keg_fail(err, -E2BIG, "longer than %u bytes", KEG_SPEC_MAX_BYTES);
    int r = parse(length > 0 ? text : "", length, ret);
    if (r < 0)
        spec_document_done(ret);
    return r;
}

void spec_document_done(struct spec_document *document)
{
    json_decref(document->json);
    free(document->numbers);
    document->json = NULL;
    document->numbers = NULL;
    document->numbers_count = 0;
}

struct spec_node spec_document_root(struct spec_document *document)
{
    return (struct spec_node){.document = document, .value = document->json};
}
