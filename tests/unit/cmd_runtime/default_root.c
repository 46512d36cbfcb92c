/* SPDX-License-Identifier: Apache-2.0 */
/* Where keg-runtime keeps states when nobody says where. */
#include "cmd/runtime/runtime.h"

#include <criterion/criterion.h>

static void expect(const char *rootless, const char *wanted)
{
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_free_ char *root = NULL;
    cr_assert_eq(runtime_default_root(rootless, &root, &err), 0, "%s", err.text);
    cr_assert_str_eq(root, wanted);
}

/* The tests run as root of the initial user namespace. */
Test(default_root, that_of_root_is_in_run)
{
    setenv("XDG_RUNTIME_DIR", "/some/where", 1);
    expect(NULL, "/run/keg/runtime");
    expect("auto", "/run/keg/runtime");
    expect("false", "/run/keg/runtime");
}

Test(default_root, that_of_a_user_is_in_the_users_own)
{
    setenv("XDG_RUNTIME_DIR", "/some/where", 1);
    expect("true", "/some/where/keg/runtime");
}

Test(default_root, without_a_folder_of_the_users_one_must_be_given)
{
    static const char *const bad[] = {NULL, "relative", ""};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++) {
        struct keg_err err = KEG_ERR_INIT;
        char *root;
        if (bad[i])
            setenv("XDG_RUNTIME_DIR", bad[i], 1);
        else
            unsetenv("XDG_RUNTIME_DIR");
        cr_assert_eq(runtime_default_root("true", &root, &err), -EINVAL);
    }
}
