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
tasker_need(valijson "" libvalijson-dev)  # headers only; its package tells no version
if(TASKER_BUILD_TESTS)
  tasker_need(doctest 2.4 doctest-dev)
endif()
if(TASKER_BUILD_BENCH)
  tasker_need(benchmark 1.7 libbenchmark-dev)
endif()

if(TASKER_MISSING)
  list(JOIN TASKER_MISSING " " packages)
  message(FATAL_ERROR "Missing or too old: ${packages}\nRun scripts/install-deps, or: apt-get install ${packages}")
endif()
