#include "host/process/command_runner.hpp"

int main(int argc, char** argv) { return tasker::host::run_process(argc, argv); }
