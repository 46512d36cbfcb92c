/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the store share: a store of their own in memory, and things to put into it. */
#pragma once

#include "store/store.h"

#include <criterion/criterion.h>
#include <string.h>

/* The store of the running test: scratch_up() makes it, scratch_down() removes it with its folder.
 */
extern struct store *store;
extern char scratch[64];
void scratch_up(void);
void scratch_down(void);

/* The same digest each time for the same letter: "sha256:" and 64 of that hex digit. */
char *digest_of(char hex_digit);

/* Write a file below the store's folder, making its folders; what a damaged store has. */
void plant(const char *path, const char *text);
bool there(const char *path);
char *slurp(const char *path);
size_t count_entries(const char *path);

/* An image with one layer; every digest of it made of the one digit. Static storage is not shared:
 * free with store_image_done(). */
struct store_image make_image(const char *reference, char hex_digit);
struct store_container make_container(char hex_digit, const char *name);
void put_image(const char *reference, char hex_digit);
void put_layer(char hex_digit);
/* Create, and let go of folder and lock as a dead owner does. */
void put_dead_container(char hex_digit, const char *name);

/* A child that calls ${fn} again and again until stop() or the end of the test, also when that
 * fails. */
pid_t start_endless(void (*fn)(void));
void stop(pid_t pid);

/* ok(call): it returned 0 or more; fails(call, code, text): exactly that error, with that text in
 * it. Both use a variable `err` that they declare. */
#define ok(call)                                                                                   \
    do {                                                                                           \
        struct keg_err err = KEG_ERR_INIT;                                                         \
        int ok_r = (call);                                                                         \
        cr_assert(ok_r >= 0, "%s: %d %s", #call, ok_r, err.text);                                  \
    } while (0)
#define fails(call, wanted, words)                                                                 \
    do {                                                                                           \
        struct keg_err err = KEG_ERR_INIT;                                                         \
        int fails_r = (call);                                                                      \
        cr_assert_eq(fails_r, (wanted), "%s: %d %s", #call, fails_r, err.text);                    \
        cr_assert_eq(err.code, (wanted));                                                          \
        cr_assert(strstr(err.text, (words)), "%s: '%s'", #call, err.text);                         \
    } while (0)
