# cmake -D SOURCE=... -D WORK=... -D CXX=... -D C=... -P: configures the project as on a machine without rdma-core, and looks
# at what that leaves: every plugin but rdma, and the note that says why.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK}/pkgconfig)
execute_process(COMMAND pkg-config --variable pc_path pkg-config OUTPUT_VARIABLE folders
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE ":" ";" folders "${folders}")
list(REVERSE folders)  # whoever comes first is linked last
foreach(folder ${folders})
  file(GLOB packages ${folder}/*.pc)
  foreach(package ${packages})
    get_filename_component(name ${package} NAME)
    if(NOT name MATCHES "^(libibverbs|librdmacm)\\.pc$")
      file(CREATE_LINK ${package} ${WORK}/pkgconfig/${name} SYMBOLIC)
    endif()
  endforeach()
endforeach()

execute_process(
  COMMAND ${CMAKE_COMMAND} -E env PKG_CONFIG_PATH= PKG_CONFIG_LIBDIR=${WORK}/pkgconfig
    ${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}/build -G Ninja -D CMAKE_CXX_COMPILER=${CXX} -D CMAKE_C_COMPILER=${C}
    -D CMAKE_BUILD_TYPE=Debug -D WEFT_TESTS=ON
  RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "the project does not configure without rdma-core:\n${said}")
endif()
file(GLOB notes ${WORK}/build/plugins/*.absent)
list(LENGTH notes count)
if(NOT count EQUAL 1 OR NOT notes MATCHES "/libweft-rdma\\.absent$")
  message(FATAL_ERROR "notes of plugins that are absent: '${notes}'")
endif()
file(READ ${notes} why)
if(NOT why STREQUAL "it was left out of this build: libibverbs and librdmacm (rdma-core) were not there\n")
  message(FATAL_ERROR "the note says: ${why}")
endif()
execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK}/build --target help OUTPUT_VARIABLE targets
  COMMAND_ERROR_IS_FATAL ANY)
if(NOT targets MATCHES "libweft-tcp\\.so" OR targets MATCHES "libweft-rdma\\.so")
  message(FATAL_ERROR "tcp is to be built, and rdma not")
endif()
