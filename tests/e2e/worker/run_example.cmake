# cmake -DPROGRAM=file -DSTATE=folder -P run_example.cmake: runs it on a fresh state directory.
file(REMOVE_RECURSE ${STATE})
execute_process(COMMAND ${PROGRAM} ${STATE} RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} ended with ${code}")
endif()
