# Every third-party package, found once, by the name Debian 12 ships it under. What is missing is said all at once, with
# the packages that bring it.
set(CMAKE_FIND_PACKAGE_PREFER_CONFIG ON)
set(TASKER_MISSING "")

macro(tasker_need package version debian)
  find_package(${package} ${version} QUIET)
  if(NOT ${package}_FOUND)
    list(APPEND TASKER_MISSING ${debian})
  endif()
endmacro()

find_package(Threads REQUIRED)
tasker_need(Boost 1.74 libboost-dev)  # headers only: DLL, Asio, Beast
tasker_need(spdlog 1.10 libspdlog-dev)
tasker_need(fmt 9 libfmt-dev)
tasker_need(nlohmann_json 3.11 nlohmann-json3-dev)
tasker_need(yaml-cpp 0.7 libyaml-cpp-dev)
tasker_need(SQLite3 3.40 libsqlite3-dev)
tasker_need(tomlplusplus 3.3 libtomlplusplus-dev)
tasker_need(CLI11 2.1 libcli11-dev)
tasker_need(prometheus-cpp "" prometheus-cpp-dev)  # its core alone, for the text of /metrics; its package tells no version
tasker_need(CURL 7.85 libcurl4-openssl-dev)  # the SDK's API handlers; the host does not use it
# Headers only; its package tells no version. Else what scripts/install-deps unpacked: the Debian package wants Qt.
find_package(valijson QUIET)
if(NOT valijson_FOUND)
  find_path(VALIJSON_INCLUDE_DIR valijson/validator.hpp
    PATHS "$ENV{TASKER_DEPS_CACHE}/libvalijson-dev/usr/include" "$ENV{HOME}/.cache/tasker-host/deps/libvalijson-dev/usr/include")
  if(VALIJSON_INCLUDE_DIR)
    add_library(valijson INTERFACE IMPORTED)
    target_include_directories(valijson SYSTEM INTERFACE ${VALIJSON_INCLUDE_DIR})
  else()
    list(APPEND TASKER_MISSING libvalijson-dev)
  endif()
endif()
if(TASKER_BUILD_TESTS)
  tasker_need(doctest 2.4 doctest-dev)
  tasker_need(OpenSSL 3 libssl-dev)  # a local service with a certificate
endif()
if(TASKER_BUILD_BENCH)
  tasker_need(benchmark 1.7 libbenchmark-dev)
endif()

if(TASKER_MISSING)
  list(JOIN TASKER_MISSING " " packages)
  message(FATAL_ERROR "Missing or too old: ${packages}\nRun scripts/install-deps, or: apt-get install ${packages}")
endif()
