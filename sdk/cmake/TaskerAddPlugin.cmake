# tasker_add_plugin(NAME sources... [API] [LINK_LIBRARIES libraries...])
#
# A plugin NAME.so that exports its entry and nothing else, resolves all its symbols when it is linked, and stays in
# the process once loaded. It lands in CMAKE_LIBRARY_OUTPUT_DIRECTORY, else in the current binary folder. Sources in
# C only get the C ABI alone; with any C++ source the C++ SDK comes along. API: also libcurl, for
# <tasker/api_handler.hpp>. A program that includes it, a test for one, links tasker::api.
set(TASKER_PLUGIN_MAP ${CMAKE_CURRENT_LIST_DIR}/plugin.map)

find_package(CURL 7.85 QUIET)
if(CURL_FOUND AND NOT TARGET tasker::api)
  add_library(tasker::api INTERFACE IMPORTED GLOBAL)
  target_link_libraries(tasker::api INTERFACE tasker::sdk CURL::libcurl)
endif()

function(tasker_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "API" "" "LINK_LIBRARIES")
  set(sources ${ARG_UNPARSED_ARGUMENTS})
  if(NOT sources)
    message(FATAL_ERROR "tasker_add_plugin(${name}): name the sources after it: tasker_add_plugin(${name} ${name}.cpp)")
  endif()
  add_library(${name} MODULE ${sources})
  set(cxx_sources ${sources})
  list(FILTER cxx_sources EXCLUDE REGEX "\\.(c|h)$")
  if(cxx_sources)
    target_link_libraries(${name} PRIVATE tasker::sdk)
    set_target_properties(${name} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON CXX_EXTENSIONS OFF)
  else()
    target_link_libraries(${name} PRIVATE tasker::abi)
    target_compile_features(${name} PRIVATE c_std_11)
  endif()
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so" C_VISIBILITY_PRESET hidden)
  if(ARG_API)
    if(NOT TARGET tasker::api)
      message(FATAL_ERROR "tasker_add_plugin(${name} ... API): libcurl 7.85 or newer is missing: apt-get install libcurl4-openssl-dev")
    endif()
    target_link_libraries(${name} PRIVATE tasker::api)
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBRARIES})
  target_link_options(${name} PRIVATE -Wl,--version-script=${TASKER_PLUGIN_MAP} -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete
                                      -Wl,--build-id=sha1)
  if(NOT TASKER_SANITIZE) # a sanitizer's symbols come from the program that loads the plugin
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
  set_property(TARGET ${name} APPEND PROPERTY LINK_DEPENDS ${TASKER_PLUGIN_MAP})
endfunction()
