/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: codes, cutting, cleaning, wrapping. */
#include "base/base.h"

#include <criterion/criterion.h>
#include <string.h>

Test(err, fail_sets_code_and_text)
{
    struct keg_err err = KEG_ERR_INIT;
    cr_assert_eq(keg_fail(&err, -ENOENT, "open '%s'", "x"), -ENOENT);
    cr_assert_eq(err.code, -ENOENT);
    cr_assert_str_eq(err.text, "open 'x'");
}

Test(err, a_code_that_is_no_error_becomes_einval)
{
    struct keg_err err = KEG_ERR_INIT;
    cr_assert_eq(keg_fail(&err, 0, "x"), -EINVAL);
    cr_assert_eq(keg_fail(&err, 7, "x"), -EINVAL);
}

Test(err, null_is_fine)
{
    cr_assert_eq(keg_fail(NULL, -EIO, "x"), -EIO);
    cr_assert_eq(keg_wrap(NULL, "x"), -EIO);
}

Test(err, wrap_puts_the_outer_part_in_front)
{
    struct keg_err err = KEG_ERR_INIT;
    keg_fail(&err, -EACCES, "open 'f'");
    cr_assert_eq(keg_wrap(&err, "layer %d of %d", 2, 3), -EACCES);
    cr_assert_str_eq(err.text, "layer 2 of 3: open 'f'");
}

Test(err, errno_text_begins_in_lower_case_but_for_acronyms)
{
    struct keg_err err = KEG_ERR_INIT;
    errno = ENOENT;
    cr_assert_eq(keg_fail_errno(&err, "open"), -ENOENT);
    cr_assert_str_eq(err.text, "open: no such file or directory");
    cr_assert_str_eq(keg_errno_text(-EXFULL), "exchange full");
    cr_assert_str_eq(keg_errno_text(EILSEQ), "invalid or incomplete multibyte or wide character");
    cr_assert_str_eq(keg_errno_text(ENOTBLK), "block device required");
    cr_assert_str_eq(keg_errno_text(EBADRQC), "invalid request code");
    cr_assert_str_eq(keg_errno_text(ENETDOWN), "network is down");
    cr_assert_str_eq(keg_errno_text(ELIBBAD), "accessing a corrupted shared library");
    cr_assert_str_eq(keg_errno_text(EMULTIHOP), "multihop attempted");
    cr_assert_str_eq(keg_errno_text(EADV), "advertise error");
    cr_assert_str_eq(keg_errno_text(ERFKILL), "operation not possible due to RF-kill");
}

Test(err, control_characters_cannot_drive_a_terminal)
{
    struct keg_err err = KEG_ERR_INIT;
    keg_fail(&err, -EIO, "a\033[2Jb\nc\x7f");
    cr_assert_str_eq(err.text, "a?[2Jb?c?");
}

Test(err, a_long_text_is_cut_at_a_character)
{
    struct keg_err err = KEG_ERR_INIT;
    char text[KEG_ERR_TEXT_BYTES + 16];
    memset(text, 'a', sizeof(text));
    memcpy(text + KEG_ERR_TEXT_BYTES - 2, "\xE2\x82\xAC",
           3); /* the last byte that fits begins a '€' */
    text[sizeof(text) - 1] = '\0';
    keg_fail(&err, -EIO, "%s", text);
    cr_assert_eq(strlen(err.text), KEG_ERR_TEXT_BYTES - 2);
    cr_assert_eq(err.text[KEG_ERR_TEXT_BYTES - 3], 'a');
}
