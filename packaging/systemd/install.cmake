# Run by `cmake --install`: the units name the folder that is installed to, which --prefix may still change.
# TASKER_UNITS: where the templates of the units are, TASKER_BINARY: where to make them, TASKER_BIN: the programs' folder.
set(TASKER_PREFIX ${CMAKE_INSTALL_PREFIX})
cmake_path(ABSOLUTE_PATH TASKER_BIN BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX} OUTPUT_VARIABLE TASKER_BINDIR)
file(READ ${TASKER_UNITS}/service.in TASKER_SERVICE)
string(CONFIGURE "${TASKER_SERVICE}" TASKER_SERVICE @ONLY)
foreach(unit tasker-host.service tasker-host@.service tasker-host.target)
  configure_file(${TASKER_UNITS}/${unit}.in ${TASKER_BINARY}/${unit} @ONLY)
  file(INSTALL ${TASKER_BINARY}/${unit} DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/systemd/system
       PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endforeach()
