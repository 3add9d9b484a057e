# Every flag sits on one interface target, rv_flags.
add_library(rv_flags INTERFACE)
target_compile_definitions(rv_flags INTERFACE _GNU_SOURCE REEVE_VERSION="${PROJECT_VERSION}")
target_include_directories(rv_flags INTERFACE ${CMAKE_SOURCE_DIR}/controller ${CMAKE_SOURCE_DIR}/connectors)
target_compile_options(rv_flags INTERFACE
    -Wall -Wextra -Wconversion -Wshadow -Wformat=2 -Wstrict-prototypes -Wvla -Wmissing-prototypes -Wno-sign-conversion
    -fno-strict-overflow -fno-delete-null-pointer-checks -fno-common $<$<BOOL:${REEVE_WERROR}>:-Werror>)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(rv_flags INTERFACE -Wno-format-truncation)
endif()
if(REEVE_FAILPOINTS)
    target_compile_definitions(rv_flags INTERFACE REEVE_FAILPOINTS=1)
endif()
if(REEVE_SANITIZE)
    target_compile_options(rv_flags INTERFACE -fsanitize=${REEVE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(rv_flags INTERFACE -fsanitize=${REEVE_SANITIZE})
endif()
if(REEVE_FUZZ) # libFuzzer sees only what was compiled for it
    target_compile_options(rv_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(REEVE_HARDENED) # M-01
    target_compile_options(rv_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
        -fstack-clash-protection -fcf-protection=full -fPIE -ftrivial-auto-var-init=zero)
    target_link_options(rv_flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code)
endif()
if(REEVE_CANARY)
    string(TOUPPER ${REEVE_CANARY} canary)
    target_compile_definitions(rv_flags INTERFACE REEVE_CANARY_${canary}=1)
endif()
