// A command line, an argument a line: a command, a help text or a fault with a message.

#include "host/process/cli.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace tasker::host;
using fuzzing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    std::vector<std::string> arguments;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        // An argument ends at its first NUL, whoever passes it.
        arguments.emplace_back(rest.substr(0, end).substr(0, rest.find('\0')));
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    static_cast<void>(wants_json(arguments));
    const auto read = parse_command_line(arguments);
    if (const auto* fault = std::get_if<UsageFault>(&read))
        require(!fault->message.empty(), "a fault has a message");
    if (const auto* help = std::get_if<HelpText>(&read)) require(!help->text.empty(), "a help text has text");
    if (const auto* command = std::get_if<CommandLine>(&read))
        require(!command->verb.empty(), "a command has a verb");
    return 0;
}
