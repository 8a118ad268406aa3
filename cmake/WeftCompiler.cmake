# What every target of the project is compiled with: link `weft_compiler` (private, never installed).

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug or RelWithDebInfo" FORCE)
endif()

# ccache with paths relative to the source, so that a second clone finds what the first one compiled.
find_program(WEFT_CCACHE ccache)
if(WEFT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  foreach(language C CXX)
    set(CMAKE_${language}_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${WEFT_CCACHE})
  endforeach()
endif()

add_library(weft_compiler INTERFACE)
target_compile_options(weft_compiler INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  -Wcast-qual $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual>)
if(WEFT_WERROR)
  target_compile_options(weft_compiler INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  # std::stable_sort of libstdc++ 12 calls get_temporary_buffer, which is deprecated, and clang blames the caller.
  target_compile_options(weft_compiler INTERFACE -Wno-deprecated-declarations)
endif()
target_compile_definitions(weft_compiler INTERFACE $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)

if(WEFT_SANITIZE)
  add_compile_options(-fsanitize=${WEFT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${WEFT_SANITIZE})
  if(WEFT_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    add_compile_options(-Wno-tsan)  # "atomic_thread_fence is not supported": true, and the tests do not lean on it
  endif()
endif()

if(WEFT_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # coverage for the fuzzers in all that they call
endif()

# Link-time optimisation for what users run. Objects are fat, so that the many test programs, which gain nothing from
# it, link the same objects the quick way: a target asks for it with `weft_lto`. Those others are linked by lld: what g++ 12
# puts before the other linkers takes fat objects for both kinds at once.
add_library(weft_fat_objects INTERFACE)
add_library(weft_lto INTERFACE)
find_program(WEFT_LLD ld.lld)
if(WEFT_LTO AND NOT WEFT_LLD)
  message(STATUS "no link-time optimisation: it needs lld")
elseif(WEFT_LTO AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  target_compile_options(weft_fat_objects INTERFACE -flto=auto -ffat-lto-objects)
  target_link_options(weft_lto INTERFACE -flto=auto -fuse-linker-plugin)
  add_link_options("$<$<NOT:$<BOOL:$<TARGET_PROPERTY:WEFT_LTO>>>:-fno-lto;-fuse-ld=lld>")
endif()

# weft_unity(target): with WEFT_UNITY its files are compiled in batches. Names of unnamed namespaces may then meet; a file
# whose names do is compiled alone (SKIP_UNITY_BUILD_INCLUSION). It is on in debug builds of g++ and in those of clang. The
# release build compiles each file alone, so that a file that lacks an include is found.
function(weft_unity target)
  if(NOT WEFT_UNITY)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)  # an included .cpp counts as a header
  endif()
endfunction()
