# Installs BUILD below WORK, then configures, builds and runs CONSUMER against what was installed.
cmake_policy(SET CMP0140 NEW)  # return(PROPAGATE)

function(run)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE code)
  if(code)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}: ${code}\n${output}")
  endif()
  set(output "${output}")
  return(PROPAGATE output)
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
run(${CMAKE_COMMAND} -G Ninja -S ${CONSUMER} -B ${WORK}/build -D CMAKE_PREFIX_PATH=${WORK}/prefix
  -D CMAKE_CXX_COMPILER=${CXX})
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${CMAKE_COMMAND} -E env WEFT_PLUGIN_PATH=${WORK}/prefix/${LIBDIR}/weft ${WORK}/build/consumer)
if(NOT output MATCHES "tcp from ${WORK}/prefix")
  message(FATAL_ERROR "the consumer did not find the installed transport:\n${output}")
endif()
