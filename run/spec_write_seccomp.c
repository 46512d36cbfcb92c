/* SPDX-License-Identifier: Apache-2.0 */
/* linux.seccomp, written (config-linux.md, "Seccomp"). */
#include "run/spec_write.h"

#include "run/seccomp.h"

static void write_argument(struct spec_writer *writer, const struct run_seccomp_argument *argument)
{
    spec_open_object(writer, NULL);
    spec_put_u64(writer, "index", argument->index);
    spec_put_u64(writer, "value", argument->value);
    if (argument->value_two != 0)
        spec_put_u64(writer, "valueTwo", argument->value_two);
    spec_put_name(writer, "op", &spec_seccomp_operators, argument->op);
    spec_close(writer);
}

static void write_rule(struct spec_writer *writer, const struct run_seccomp_rule *rule)
{
    spec_open_object(writer, NULL);
    spec_put_texts(writer, "names", rule->names);
    spec_put_name(writer, "action", &spec_seccomp_actions, rule->action);
    if (rule->errno_ret >= 0)
        spec_put_i64(writer, "errnoRet", rule->errno_ret);
    if (rule->arguments_count > 0)
        spec_open_list(writer, "args");
    for (size_t i = 0; i < rule->arguments_count; i++)
        write_argument(writer, &rule->arguments[i]);
    if (rule->arguments_count > 0)
        spec_close(writer);
    spec_close(writer);
}

static void write_profile(struct spec_writer *writer, const struct run_seccomp_profile *profile)
{
    spec_open_object(writer, "seccomp");
    spec_put_name(writer, "defaultAction", &spec_seccomp_actions, profile->default_action);
    if (profile->default_errno_ret >= 0)
        spec_put_i64(writer, "defaultErrnoRet", profile->default_errno_ret);
    spec_put_texts(writer, "architectures", profile->architectures);
    /* None is said, too: nothing said means SPEC_ALLOW. */
    spec_put_flags(writer, "flags", &spec_seccomp_flags, profile->flags);
    spec_put_text(writer, "listenerPath", profile->listener_path);
    spec_put_text(writer, "listenerMetadata", profile->listener_metadata);
    if (profile->rules_count > 0) {
        spec_open_list(writer, "syscalls");
        for (size_t i = 0; i < profile->rules_count; i++)
            write_rule(writer, &profile->rules[i]);
        spec_close(writer);
    }
    spec_close(writer);
}

void spec_write_seccomp(struct spec_writer *writer, const struct run_spec *spec)
{
    if (spec->seccomp == RUN_SECCOMP_CUSTOM && spec->seccomp_profile)
        write_profile(writer, spec->seccomp_profile);
    if (spec->seccomp != RUN_SECCOMP_DEFAULT)
        return;
    /* The default one is text already, by far the largest part of it all. */
    spec_put_key(writer, "seccomp");
    (void)seccomp_write_default_json(spec->process.capabilities.bounding, writer->buf);
}
