/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that cannot be executed, and what is said of them. */
#include "launch_box.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>

static struct box box;

static void open_box(void)
{
    box_open(&box);
}

static void close_box(void)
{
    box_close(&box);
}

TestSuite(launch_exec, .init = open_box, .fini = close_box, .timeout = 60);

static void expect_failure(const char *program, int code, const char *words)
{
    keg_strv_free(TAKE_PTR(box.spec->process.args));
    keg_strv_add(&box.spec->process.args, program);
    cr_expect_eq(box_run(&box), code, "%s", program);
    cr_expect_str_eq(box.err.text, words);
}

static void put(const char *path, const char *text, mode_t mode)
{
    box_write(path, text, strlen(text), mode);
}

Test(launch_exec, what_is_not_in_the_path_is_not_found)
{
    expect_failure("nope", -ENOENT, "exec: \"nope\": executable file not found in $PATH");
}

Test(launch_exec, a_name_with_a_slash_is_not_looked_up)
{
    expect_failure("/bin/nope", -ENOENT, "exec: \"/bin/nope\": no such file or directory");
}

Test(launch_exec, an_empty_name_is_not_found)
{
    expect_failure("", -ENOENT, "exec: \"\": executable file not found in $PATH");
}

Test(launch_exec, without_a_path_variable_the_default_one_counts)
{
    keg_strv_free(TAKE_PTR(box.spec->process.env));
    cr_expect_eq(box_run_script(&box, "exit 0"), 0, "%s", box.err.text);
}

Test(launch_exec, relative_folders_in_the_path_are_not_searched)
{
    keg_strv_free(TAKE_PTR(box.spec->process.env));
    keg_strv_add(&box.spec->process.env, "PATH=.::bin");
    put(BOX_ROOT "/here", "#!/bin/sh\n", 0755);
    expect_failure("here", -ENOENT, "exec: \"here\": executable file not found in $PATH");
}

Test(launch_exec, a_folder_is_no_program)
{
    expect_failure("/bin", -EACCES, "exec: \"/bin\": is a directory");
}

Test(launch_exec, a_file_without_the_bit_is_not_executable)
{
    put(BOX_ROOT "/bin/plain", "#!/bin/sh\n", 0644);
    expect_failure("/bin/plain", -EACCES,
                   "exec: \"/bin/plain\": permission denied: not executable (mode 0644)");
    expect_failure("plain", -EACCES,
                   "exec: \"/bin/plain\": permission denied: not executable (mode 0644)");
}

Test(launch_exec, a_missing_interpreter_is_named)
{
    put(BOX_ROOT "/run.sh", "#! /bin/bash -e\n", 0755);
    expect_failure("/run.sh", -ENOENT,
                   "exec: \"/run.sh\": no such file or directory: its interpreter \"/bin/bash\" is "
                   "missing");
}

Test(launch_exec, a_windows_line_end_is_told)
{
    put(BOX_ROOT "/run.sh", "#!/bin/sh\r\necho hi\r\n", 0755);
    expect_failure(
        "/run.sh", -ENOENT,
        "exec: \"/run.sh\": no such file or directory: its first line \"#!/bin/sh\" ends "
        "in CR LF, as Windows writes it (dos2unix mends that)");
}

Test(launch_exec, an_interpreter_that_cannot_be_executed_is_named)
{
    put(BOX_ROOT "/bin/tool", "#!/bin/sh\n", 0644);
    put(BOX_ROOT "/run.sh", "#!/bin/tool\n", 0755);
    expect_failure("/run.sh", -EACCES,
                   "exec: \"/run.sh\": permission denied: its interpreter \"/bin/tool\" is not "
                   "executable");
}

Test(launch_exec, a_file_that_is_no_program_is_told)
{
    static const char words[] =
        "exec: \"/run.sh\": exec format error: it has no \"#!\" line and is no program";
    put(BOX_ROOT "/run.sh", "echo hi\n", 0755);
    expect_failure("/run.sh", -ENOEXEC, words);
    put(BOX_ROOT "/run.sh", "", 0755);
    expect_failure("/run.sh", -ENOEXEC, words);
}

static void put_elf(uint16_t machine, const char *interpreter)
{
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr program[2];
        char interpreter[32];
    } file = {0};
    memcpy(file.header.e_ident, ELFMAG, SELFMAG);
    file.header.e_ident[EI_CLASS] = ELFCLASS64;
    file.header.e_ident[EI_DATA] = ELFDATA2LSB;
    file.header.e_ident[EI_VERSION] = EV_CURRENT;
    file.header.e_type = ET_EXEC;
    file.header.e_machine = machine;
    file.header.e_version = EV_CURRENT;
    file.header.e_phoff = offsetof(__typeof__(file), program);
    file.header.e_ehsize = sizeof(file.header);
    file.header.e_phentsize = sizeof(file.program[0]);
    file.header.e_phnum = 2;
    file.program[0].p_type = PT_LOAD;
    file.program[1].p_type = PT_INTERP;
    file.program[1].p_offset = offsetof(__typeof__(file), interpreter);
    file.program[1].p_filesz = strlen(interpreter) + 1;
    (void)snprintf(file.interpreter, sizeof(file.interpreter), "%s", interpreter);
    box_write(BOX_ROOT "/prog", &file, sizeof(file), 0755);
}

static struct utsname host(void)
{
    struct utsname name;
    cr_assert(uname(&name) == 0);
    return name;
}

Test(launch_exec, another_machines_program_is_named_with_ours)
{
    struct utsname name = host();
    char words[256];
    put_elf(EM_S390, "/lib/ld.so");
    (void)snprintf(words, sizeof(words),
                   "exec: \"/prog\": exec format error: it is a program for s390x, this machine is "
                   "%s and has no binfmt_misc handler for it (qemu-user-static brings one)",
                   name.machine);
    expect_failure("/prog", -ENOEXEC, words);
}

Test(launch_exec, a_missing_dynamic_linker_is_named)
{
    bool intel = keg_streq(host().machine, "x86_64");
    put_elf(intel ? EM_X86_64 : EM_AARCH64, "/lib/ld-musl.so.1");
    expect_failure("/prog", -ENOENT,
                   "exec: \"/prog\": no such file or directory: its interpreter "
                   "\"/lib/ld-musl.so.1\" is missing");
}

Test(launch_exec, a_noexec_mount_is_told)
{
    cr_assert(run_spec_add_mount(box.spec, "/t", "bind", BOX_ROOT "/bin", "noexec", &box.err) == 0);
    expect_failure("/t/busybox", -EACCES,
                   "exec: \"/t/busybox\": permission denied: it is on a noexec mount");
}

Test(launch_exec, keg_itself_is_not_executed_by_an_image)
{
    static const char *const programs[] = {"/proc/self/exe", "/proc/thread-self/exe", "/link",
                                           "/script", "/prog"};
    cr_assert(symlink("/proc/self/exe", BOX_ROOT "/link") == 0);
    put(BOX_ROOT "/script", "#!/proc/self/exe\n", 0755);
    put_elf(keg_streq(host().machine, "x86_64") ? EM_X86_64 : EM_AARCH64, "/proc/self/exe");
    for (size_t i = 0; i < KEG_ARRAY_SIZE(programs); i++) {
        char words[128];
        (void)snprintf(words, sizeof(words),
                       "exec: \"%s\": permission denied: it leads to keg itself", programs[i]);
        expect_failure(programs[i], -EACCES, words);
    }
}

Test(launch_exec, a_leaked_fd_is_no_program)
{
    char program[64];
    for (int fd = 3; fd < 40; fd++) {
        (void)snprintf(program, sizeof(program), "/proc/self/fd/%d", fd);
        keg_strv_free(TAKE_PTR(box.spec->process.args));
        keg_strv_add(&box.spec->process.args, program);
        cr_expect_lt(box_run(&box), 0, "%s", program);
    }
}

Test(launch_exec, errors_come_back_through_init_too)
{
    box.options.init = true;
    expect_failure("nope", -ENOENT, "exec: \"nope\": executable file not found in $PATH");
}
