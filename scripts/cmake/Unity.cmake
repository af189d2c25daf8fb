# Builds for testing compile several sources as one, in less time. TASKER_UNITY says where: "all" under sanitizers, "tests"
# in the release build, whose host and SDK are compiled one by one as in the dev build, which shows a missing #include.
# CMake's own UNITY_BUILD does the same with absolute paths in the files it writes, so that a compiler cache serves no other
# checkout. A target is left as it is by its property UNITY_BUILD OFF.
set(TASKER_UNITY "" CACHE STRING "Compile several sources as one: all, tests, or nothing")
set(tasker_unity_batch 8)
# Always compiled alone: in its unnamed namespace each uses a name that another source of its target uses too.
set(tasker_apart
  host/api/dlq_routes.cpp
  host/api/event_routes.cpp
  host/api/health_routes.cpp
  host/api/step_routes.cpp
  host/api/store_routes.cpp
  host/api/task_routes.cpp
  host/api/template_routes.cpp
  host/config/default_paths.cpp
  host/core/flight_recorder.cpp
  host/events/event_poller.cpp
  host/loader/descriptor.cpp
  host/model/retry.cpp
  host/model/schema_pattern.cpp
  host/model/schema_words.cpp
  host/process/cli.cpp
  host/process/command_runner.cpp
  host/process/commands_plugin_check.cpp
  host/process/commands_step.cpp
  host/scan/plugin_scan.cpp
  host/templates/yaml_scalar.cpp
  tests/abi/resolver_plugin_test.cpp
  tests/conformance/embedded_expansion_cases.cpp
  tests/conformance/embedded_operator_cases.cpp
  tests/unit/api/routes_test.cpp
  tests/unit/engine/outbox_test.cpp
  tests/unit/engine/prune_test.cpp
  tests/unit/engine/writer_test.cpp
  tests/unit/events/event_poller_test.cpp
  tests/unit/loader/plugin_call_test.cpp
  tests/unit/model/loss_test.cpp
  tests/unit/plugins/order_events_test.cpp
  tests/unit/process/service_test.cpp
  tests/unit/process/system_test.cpp
  tests/unit/process/usage_test.cpp
  tests/unit/runtime/messages_test.cpp
  tests/unit/scan/verdict_test.cpp
  tests/unit/sdk/api_response_test.cpp
  tests/unit/sdk/domain_event_classes_test.cpp
  tests/unit/sdk/readme_test.cpp
  tests/unit/supervisor/renewal_test.cpp
)

# The sources of the target that may be compiled with others, eight at a time.
function(tasker_unite target)
  get_target_property(kind ${target} TYPE)
  get_target_property(off ${target} UNITY_BUILD)
  if(NOT kind MATCHES "EXECUTABLE|LIBRARY" OR kind STREQUAL "INTERFACE_LIBRARY" OR off STREQUAL "OFF")
    return()
  endif()
  get_target_property(folder ${target} SOURCE_DIR)
  get_target_property(binary ${target} BINARY_DIR)
  get_target_property(sources ${target} SOURCES)
  set(alone "")
  set(together "")
  foreach(source IN LISTS sources)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${folder} NORMALIZE OUTPUT_VARIABLE path)
    cmake_path(IS_PREFIX PROJECT_SOURCE_DIR "${path}" ours)
    cmake_path(RELATIVE_PATH path BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE relative)
    get_source_file_property(definitions ${path} TARGET_DIRECTORY ${target} COMPILE_DEFINITIONS)
    if(ours AND path MATCHES "\\.cpp$" AND NOT definitions AND NOT relative IN_LIST tasker_apart AND NOT relative MATCHES "^build/")
      list(APPEND together ${relative})
    else()
      list(APPEND alone ${source})
    endif()
  endforeach()
  list(LENGTH together count)
  if(count LESS 2)
    return()
  endif()
  set(number 0)
  while(together)
    list(SUBLIST together 0 ${tasker_unity_batch} batch)
    list(REMOVE_ITEM together ${batch})
    list(TRANSFORM batch REPLACE "(.+)" "#include \"\\1\"\n")
    string(JOIN "" text ${batch})
    set(file ${binary}/unity/${target}_${number}.cpp)
    file(CONFIGURE OUTPUT ${file} CONTENT "${text}" @ONLY)
    list(APPEND alone ${file})
    math(EXPR number "${number} + 1")
  endwhile()
  set_property(TARGET ${target} PROPERTY SOURCES ${alone})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
endfunction()

function(tasker_unite_folder folder)
  get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target ${targets})
    tasker_unite(${target})
  endforeach()
  get_property(folders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(one ${folders})
    tasker_unite_folder(${one})
  endforeach()
endfunction()

if(TASKER_UNITY STREQUAL "all")
  tasker_unite_folder(${PROJECT_SOURCE_DIR})
elseif(TASKER_UNITY STREQUAL "tests" AND TASKER_BUILD_TESTS)
  tasker_unite_folder(${PROJECT_SOURCE_DIR}/tests)
endif()
