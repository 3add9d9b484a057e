# rv_library(NAME SOURCES … LINKS …)  one folder, one library
# rv_program(NAME SOURCES … LINKS …)
# rv_test(NAME SOURCES … LINKS … [ENV A=B …] [TIMEOUT seconds])  a cmocka program run by ctest
include(CMakeParseArguments)

function(rv_library name)
    cmake_parse_arguments(P "" "" "SOURCES;LINKS" ${ARGN})
    rv_canary(${P_SOURCES})
    add_library(${name} STATIC ${P_SOURCES})
    target_link_libraries(${name} PUBLIC rv_flags ${P_LINKS})
endfunction()

function(rv_program name)
    cmake_parse_arguments(P "" "" "SOURCES;LINKS" ${ARGN})
    rv_canary(${P_SOURCES})
    add_executable(${name} ${P_SOURCES})
    target_link_libraries(${name} PRIVATE rv_flags ${P_LINKS})
endfunction()

function(rv_test name)
    cmake_parse_arguments(P "" "TIMEOUT" "SOURCES;LINKS;ENV" ${ARGN})
    add_executable(${name} ${P_SOURCES})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_link_libraries(${name} PRIVATE rv_flags ${P_LINKS} PkgConfig::CMOCKA)
    if(NOT P_TIMEOUT)
        set(P_TIMEOUT 300)
    endif()
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${P_TIMEOUT}
        ENVIRONMENT_MODIFICATION "PATH=path_list_append:/usr/sbin" # nginx and sshd; a user's own PATH lacks it
        ENVIRONMENT "REEVE_SOURCE=${CMAKE_SOURCE_DIR};REEVE_BUILD=${CMAKE_BINARY_DIR};${P_ENV}")
endfunction()
