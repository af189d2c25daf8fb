# cmake -DBUILD=build-folder -DWORK=scratch -DEXAMPLES=folder -P check_installed.cmake: installs, builds the examples
# against the prefix, runs them.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${ARGV}\nended with ${code}:\n${output}")
  endif()
endfunction()
file(REMOVE_RECURSE ${WORK})
foreach(component Host SDK)
  run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix --component ${component})
endforeach()
run(${CMAKE_COMMAND} -S ${EXAMPLES}/installed -B ${WORK}/build -G Ninja -DCMAKE_PREFIX_PATH=${WORK}/prefix
    -DEXAMPLES=${EXAMPLES} -DCMAKE_BUILD_TYPE=Debug)
run(${CMAKE_COMMAND} --build ${WORK}/build)
foreach(example embedding_headless embedding_custom_events)
  run(${WORK}/build/${example} ${WORK}/state-${example})
endforeach()
