#pragma once
// From the command line to a task request.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/process/connection.hpp"

namespace tasker::host {

struct TemplateName {
    std::string namespace_name, name, version;
    std::string id() const { return namespace_name + "/" + name + "/" + version; }
};

// The templates that the other end knows.
std::vector<TemplateName> known_templates(ApiClient& client);

// The one template that fits what was said; empty texts fit all. Throws CommandFailure: NOT_FOUND with the nearest name,
// USAGE when several fit.
TemplateName choose_template(const std::vector<TemplateName>& known, const TemplateName& said);

// Who asks when nobody says it: the user of the environment, else the account's name.
std::string submitting_user(const Command& command);

// The text of --context: JSON, @FILE or @- (standard input). Throws CommandFailure (USAGE) unless it is a JSON object.
std::string read_context(const Command& command);

// The same for any option that takes JSON: the text, `absent` when the option is not given.
std::string read_json_option(const Command& command, const std::string& option, const std::string& absent,
                             bool object = false);

// What the command line says beside the template: who, why, tags, priority, key, context; as members of a JSON object.
std::string request_document(const Command& command, const TemplateName& chosen, std::string_view context);

// A line of a batch with what it leaves out filled in. Nothing is changed in a line that is not a JSON object.
std::string completed_line(const Command& command, std::string_view line,
                           const std::vector<TemplateName>& known);

}  // namespace tasker::host
