# weft_test(name [LABELS label...] [PLUGINS] [PROGRAM] [TIMEOUT seconds] sources...): one GoogleTest program whose tests
# are ctest's tests, named as `name.Suite.Test`.
#
# It links the core, weft_test_support and gmock_main, and includes from include/, the root and tests/. The label is the
# folder below tests/ (unit, model, peer ...) unless given. PLUGINS: the plugins are built first; PROGRAM: `weft` too.
# The target weft-tests-<label> builds all of a label.
# tests/support/build_folders.hpp says where the build tree has the plugins and the program.
foreach(label unit model peer abi tools)
  add_custom_target(weft-tests-${label})
endforeach()
add_custom_target(weft-fuzzers)

function(weft_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "PLUGINS;PROGRAM" "TIMEOUT" "LABELS")
  if(NOT arg_LABELS)
    file(RELATIVE_PATH below ${PROJECT_SOURCE_DIR}/tests ${CMAKE_CURRENT_SOURCE_DIR})
    string(REGEX REPLACE "/.*" "" arg_LABELS "${below}")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()

  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE weft::weft weft_test_support GTest::gmock_main GTest::gtest weft_compiler)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests)
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
  gtest_discover_tests(${name} TEST_PREFIX ${name}. NO_PRETTY_VALUES DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT})
endfunction()

# weft_fuzz(name [RUNS n] [MAX_LENGTH n] sources...): a libFuzzer program (preset fuzz). Its test runs it for a bounded
# number of inputs, starting from corpus/ beside it if there is one, copied so that what a run finds does not land in the
# source tree.
function(weft_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "RUNS;MAX_LENGTH" "")
  if(NOT arg_RUNS)
    set(arg_RUNS 50000)
  endif()
  if(NOT arg_MAX_LENGTH)
    set(arg_MAX_LENGTH 4096)
  endif()
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE weft::weft weft_compiler)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(weft-fuzzers ${name})

  set(corpus ${CMAKE_CURRENT_BINARY_DIR}/corpus)
  set(prepare "rm -rf '${corpus}' && mkdir '${corpus}'")
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/corpus)
    set(prepare "rm -rf '${corpus}' && cp -r '${CMAKE_CURRENT_SOURCE_DIR}/corpus' '${corpus}'")
  endif()
  add_test(NAME ${name} COMMAND sh -c
    "${prepare} && exec '$<TARGET_FILE:${name}>' -runs=${arg_RUNS} -max_len=${arg_MAX_LENGTH} -seed=1 '${corpus}'")
  set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 300)
endfunction()
