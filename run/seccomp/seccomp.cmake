# SPDX-License-Identifier: Apache-2.0
# default.profile -> seccomp_table.h, by a program of the build. libseccomp is needed for that and
# for the unit tests; keg itself does not link it.
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp>=2.5)

add_executable(keg-seccomp-generate run/seccomp/generate.c)
target_link_libraries(keg-seccomp-generate PRIVATE keg_flags PkgConfig::SECCOMP)
set_target_properties(keg-seccomp-generate PROPERTIES
    POSITION_INDEPENDENT_CODE ON
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/run/seccomp)

set(SECCOMP_TABLE ${CMAKE_BINARY_DIR}/run/seccomp/seccomp_table.h)
add_custom_command(
    OUTPUT ${SECCOMP_TABLE}
    COMMAND keg-seccomp-generate ${CMAKE_SOURCE_DIR}/run/seccomp/default.profile ${SECCOMP_TABLE}
    DEPENDS keg-seccomp-generate ${CMAKE_SOURCE_DIR}/run/seccomp/default.profile
    COMMENT "Generating run/seccomp/seccomp_table.h"
    VERBATIM)
target_sources(keg_run PRIVATE ${SECCOMP_TABLE})

# The tests compare with what libseccomp makes of the same rules.
function(keg_seccomp_tests)
    if(TARGET test-run)
        target_link_libraries(test-run PRIVATE PkgConfig::SECCOMP)
    endif()
endfunction()
cmake_language(DEFER CALL keg_seccomp_tests)
