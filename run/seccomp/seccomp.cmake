# SPDX-License-Identifier: Apache-2.0
# default.profile and the names of all system calls -> tables, by programs of the build. libseccomp
# is needed for that and for the unit tests; keg itself does not link it.
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp>=2.5)

# keg_seccomp_table(OUTPUT SOURCE [INPUT]): the table that the program of that source makes.
function(keg_seccomp_table output source)
    set(program keg-seccomp-${source})
    set(table ${CMAKE_BINARY_DIR}/run/seccomp/${output})
    add_executable(${program} run/seccomp/${source}.c)
    target_link_libraries(${program} PRIVATE keg_flags PkgConfig::SECCOMP)
    set_target_properties(${program} PROPERTIES
        POSITION_INDEPENDENT_CODE ON
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/run/seccomp)
    add_custom_command(
        OUTPUT ${table}
        COMMAND ${program} ${ARGN} ${table}
        DEPENDS ${program} ${ARGN}
        COMMENT "Generating run/seccomp/${output}"
        VERBATIM)
    target_sources(keg_run PRIVATE ${table})
endfunction()

keg_seccomp_table(seccomp_table.h generate ${CMAKE_SOURCE_DIR}/run/seccomp/default.profile)
keg_seccomp_table(seccomp_calls.h generate_calls)

# The tests compare with what libseccomp makes of the same rules.
function(keg_seccomp_tests)
    if(TARGET test-run)
        target_link_libraries(test-run PRIVATE PkgConfig::SECCOMP)
    endif()
endfunction()
cmake_language(DEFER CALL keg_seccomp_tests)
