# Flags live on two INTERFACE targets: warnings for our own code, hardening and sanitizers for everything we build.
add_library(tasker_warnings INTERFACE)
target_compile_options(tasker_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor
                                                 -Wold-style-cast)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarm on `"literal" + std::string` when optimising (GCC bug 105651).
  target_compile_options(tasker_warnings INTERFACE -Wno-restrict)
endif()
if(TASKER_WERROR)
  target_compile_options(tasker_warnings INTERFACE -Werror)
endif()

function(tasker_build_target name sanitizers)
  add_library(${name} INTERFACE)
  target_compile_features(${name} INTERFACE cxx_std_20)
  target_compile_options(${name} INTERFACE -ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -fstack-protector-strong)
  if(sanitizers)
    target_compile_options(${name} INTERFACE -fsanitize=${sanitizers} -fno-omit-frame-pointer)
    target_link_options(${name} INTERFACE -fsanitize=${sanitizers})
    if(sanitizers MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # Checks at each access to memory double the time GCC takes. The address sanitizer beside them finds most of what
      # they would, and the fuzz targets (clang) have them all.
      target_compile_options(${name} INTERFACE
        -fno-sanitize=null,vptr,alignment,object-size,nonnull-attribute,returns-nonnull-attribute)
    endif()
  else()
    target_compile_definitions(${name} INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
    target_link_options(${name} INTERFACE -Wl,-z,relro -Wl,-z,now)
  endif()
  if(TASKER_FAILPOINTS)
    target_compile_definitions(${name} INTERFACE TASKER_FAILPOINTS=1)
  endif()
endfunction()

tasker_build_target(tasker_build "${TASKER_SANITIZE}")
# Plugins in C++. Each start of a host reads them whole, so in builds for testing they do without what makes them many times
# as large: debug information, and what the check for undefined behaviour stores of each place in their templates.
string(REPLACE ",undefined" "" plugin_sanitizers "${TASKER_SANITIZE}")
tasker_build_target(tasker_plugin_build "${plugin_sanitizers}")
if(TASKER_SANITIZE)
  target_compile_options(tasker_plugin_build INTERFACE -g0)
endif()
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
