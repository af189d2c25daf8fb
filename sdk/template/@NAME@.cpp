#include "@NAME@.hpp"

tasker::StepHandlerResult @CLASS@::call(tasker::StepContext& context) {
    const auto name = context.get_input_or("name", "world");        // missing or null: the default
    const auto word = context.get_config_or("word", "Hello");       // handler.initialization of the template's step
    if (name.empty()) throw tasker::PermanentError("input 'name' must not be empty", "EMPTY_NAME");

    context.logger().info("greeting", {{"name", name}, {"attempt", context.attempt()}});
    return success({{"greeting", word + ", " + name + "!"}});
}
