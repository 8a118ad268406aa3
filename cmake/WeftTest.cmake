# weft_test(name [LABELS label...] [PLUGINS] [PROGRAM] [SERIAL] [TIMEOUT seconds] [ALONE file...] sources...): one GoogleTest
# program whose tests are ctest's tests, named as `name.Suite.Test`.
#
# It links the core, weft_test_support and weft_test_main, whose main() looks after each test at what is left of descriptors
# and threads, and includes from include/, the root and tests/. The label is the folder below tests/ (unit, model, peer ...)
# unless given. PLUGINS: the plugins are built first; PROGRAM: `weft` too.
# SERIAL: ctest runs nothing beside it. Its files are compiled in batches where WEFT_UNITY is on (weft_unity), those after ALONE
# (which goes last, in place of further sources) each by itself: names of theirs are also in other files.
# A label in WEFT_TESTS_LEFT_OUT is not built.
# The target weft-tests-<label> builds all of a label.
# tests/support/build_folders.hpp says where the build tree has the plugins and the program.
foreach(label unit model peer abi tools)
  add_custom_target(weft-tests-${label})
endforeach()
add_custom_target(weft-fuzzers)

function(weft_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "PLUGINS;PROGRAM;SERIAL" "TIMEOUT" "LABELS;ALONE")
  set(serial OFF)
  if(arg_SERIAL)
    set(serial ON)
  endif()
  if(NOT arg_LABELS)
    file(RELATIVE_PATH below ${PROJECT_SOURCE_DIR}/tests ${CMAKE_CURRENT_SOURCE_DIR})
    string(REGEX REPLACE "/.*" "" arg_LABELS "${below}")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()

  foreach(label IN LISTS arg_LABELS)
    if(label IN_LIST WEFT_TESTS_LEFT_OUT)
      set(left_out EXCLUDE_FROM_ALL)
    endif()
  endforeach()

  add_executable(${name} ${left_out} ${arg_UNPARSED_ARGUMENTS} ${arg_ALONE})
  target_link_libraries(${name} PRIVATE weft::weft weft_test_main weft_test_support GTest::gmock GTest::gtest
    weft_compiler)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests)
  weft_unity(${name})
  set_property(SOURCE ${arg_ALONE} TARGET_DIRECTORY ${name} PROPERTY SKIP_UNITY_BUILD_INCLUSION ON)
  if(arg_PLUGINS OR arg_PROGRAM)
    add_dependencies(${name} weft-plugins)
  endif()
  if(arg_PROGRAM AND TARGET weft-cli)
    add_dependencies(${name} weft-cli)
  endif()
  foreach(label IN LISTS arg_LABELS)
    if(TARGET weft-tests-${label})
      add_dependencies(weft-tests-${label} ${name})
    endif()
  endforeach()
  if(left_out)
    return()
  endif()
  gtest_discover_tests(${name} TEST_PREFIX ${name}. NO_PRETTY_VALUES DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT} RUN_SERIAL ${serial})
endfunction()

# weft_fuzz(name RUNS n [MAX_LENGTH n] [STATEFUL] sources...): a libFuzzer program (preset fuzz). Its test runs it n times from
# a fixed seed, starting with corpus/ beside it if there is one: tests/fuzz/run-fuzzer. n is about half a minute of an idle
# machine. STATEFUL: something lives on from input to input, so that leaks are looked for once, at the end.
function(weft_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "STATEFUL" "MAX_LENGTH;RUNS" "")
  if(NOT arg_MAX_LENGTH)
    set(arg_MAX_LENGTH 4096)
  endif()
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE weft::weft weft_compiler)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(weft-fuzzers ${name})

  set(options -max_len=${arg_MAX_LENGTH} -timeout=20 -len_control=0 -print_final_stats=1)
  if(arg_STATEFUL)
    list(APPEND options -detect_leaks=0)
  endif()
  add_test(NAME ${name} COMMAND ${PROJECT_SOURCE_DIR}/tests/fuzz/run-fuzzer $<TARGET_FILE:${name}>
    ${CMAKE_CURRENT_SOURCE_DIR}/corpus ${arg_RUNS} ${options})
  set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 1500)
endfunction()
