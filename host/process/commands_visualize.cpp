#include "host/process/commands_visualize.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "host/api/json_writer.hpp"
#include "host/api/url_query.hpp"
#include "host/core/json_view.hpp"
#include "host/core/uuid.hpp"
#include "host/model/graph_picture.hpp"
#include "host/process/connection.hpp"
#include "host/process/task_view.hpp"
#include "host/process/template_choice.hpp"
#include "host/templates/template_schema.hpp"

namespace tasker::host {

namespace {
namespace fs = std::filesystem;

void write_file(const fs::path& target, const std::string& text) {
    const auto written = [&](const fs::path& path) {
        std::ofstream out(path, std::ios::binary | std::ios::trunc);
        out << text;
        out.close();
        return static_cast<bool>(out);
    };
    std::error_code fault;
    const auto status = fs::status(target, fault);
    bool done = false;
    if (fs::exists(status) && !fs::is_regular_file(status)) {
        done = written(target);  // a pipe or a device
    } else {
        // Beside it and moved: whoever reads the file never sees half of a picture.
        fs::path beside = target;
        beside += ".part";
        done = written(beside);
        fault.clear();
        if (done) fs::rename(beside, target, fault);
        if (!done || fault) {
            std::error_code ignored;
            fs::remove(beside, ignored);
        }
        done = done && !fault;
    }
    if (!done) {
        throw CommandFailure(ExitCode::Failed, "WRITE_FAILED", "cannot write " + target.string(),
                             "is there such a folder, and may you write there?");
    }
}

// To the file that was asked for, or to standard output. With --json a text that is no document, and the way of a file,
// are told in one.
ExitCode deliver(Command& command, const std::string& format, const std::string& text) {
    std::string document;
    JsonObject told(document);
    told.text("format", format);
    const auto file = command.line.get("output");
    if (file) {
        const fs::path target = command.working_directory / *file;
        write_file(target, text);
        told.text("output", target.string());
    } else {
        told.text("picture", text);
    }
    told.end();
    if (command.line.json && (file || format != "json")) {
        command.document(document);
    } else if (file) {
        command.out.line("Written to " + printable(*file));
    } else {
        command.out.write(text);
    }
    return ExitCode::Done;
}

ExitCode draw(Command& command, const GraphPicture& picture) {
    const std::string format = command.line.get("as").value_or(command.line.json ? "json" : "mermaid");
    if (format == "json") return deliver(command, format, as_json(picture) + "\n");
    const GraphPicture shown = condensed(picture, kReadableNodes);
    if (format == "text") return deliver(command, format, as_text(shown));
    if (format == "svg") return deliver(command, format, as_svg(shown));
    if (format == "markdown")
        return deliver(command, format, as_markdown(shown, command.line.has("graph-only")));
    return deliver(command, format, as_mermaid(shown));
}

// Nothing when the other end does not know it any more: then what was made is all there is to draw.
std::optional<TaskTemplate> template_of(ApiClient& client, const TaskRow& task) {
    const ApiResponse response =
        client.request("GET", "/v1/templates/" + percent_encoded(task.namespace_name) + "/" +
                                  percent_encoded(task.name) + "/" + percent_encoded(task.version));
    if (response.status == 404) return std::nullopt;
    const std::string document = expect_document(response);
    const auto definition = json_member(document, "configuration");
    if (!definition) return std::nullopt;
    return template_from_json(*definition);
}

std::vector<OptionSpec> picture_options() {
    return {
        {.names = "-f,--as",
         .value = "FORMAT",
         .help = "mermaid (when absent), text, svg, markdown or json.",
         .choices = {"mermaid", "text", "svg", "markdown", "json"}},
        {"-g,--graph-only", "", "markdown: the diagram without the table of the steps."},
        {"-o,--output", "FILE", "Write to this file."},
    };
}
}  // namespace

std::vector<VerbSpec> visualize_verbs() {
    std::vector<OptionSpec> template_options{
        {.names = "TEMPLATE",
         .value = "NAME|FILE.yaml",
         .help = "A template that is found, or a file with one.",
         .required = true},
        {"-n,--namespace", "NS", "The template's namespace; needed only when several have it."},
        {"-v,--version", "VERSION", "The template's version; needed only when several are loaded."},
    };
    std::vector<OptionSpec> task_options{
        {.names = "TASK", .value = "UUID", .help = "The task's UUID.", .required = true}};
    for (const OptionSpec& option : picture_options()) {
        template_options.push_back(option);
        task_options.push_back(option);
    }
    return {
        {"task", "visualize", "Draw the graph of a task with the states of its steps.",
         std::move(task_options),
         "tasker-host task visualize 01a20ae2-1575-763d-9554-e03ac4796187 -f text\n"
         "tasker-host task visualize 01a20ae2-1575-763d-9554-e03ac4796187 -f svg -o task.svg"},
        {"template", "visualize", "Draw the graph of a template.", std::move(template_options),
         "tasker-host template visualize order_fulfillment\n"
         "tasker-host template visualize ./greet.yaml -f svg -o greet.svg"},
        {"template",
         "schema",
         "Print the JSON Schema of template files, for editors.",
         {{"-o,--output", "FILE", "Write to this file."}},
         "tasker-host template schema -o task-template.schema.json"},
    };
}

ExitCode template_schema_command(Command& command) {
    const std::string schema = template_json_schema();
    if (command.line.json && !command.line.has("output")) return deliver(command, "json", schema + "\n");
    return deliver(command, "json", nlohmann::ordered_json::parse(schema).dump(2) + "\n");
}

ExitCode template_visualize(Command& command) {
    return draw(command, picture_of(*chosen_template(command, *command.line.get("TEMPLATE"))));
}

ExitCode task_visualize(Command& command) {
    const std::string word = *command.line.get("TASK");
    const auto uuid = Uuid::parse(word);
    if (!uuid) throw CommandFailure(ExitCode::Usage, "USAGE", "'" + word + "' is not a task UUID");
    const Config config = configure(command).config;
    const auto connection = connect(config, StoreUse::Existing);
    ApiClient& client = connection->client();
    const std::string path = "/v1/tasks/" + uuid->str();
    const TaskRow task = read_task(expect_document(client.request("GET", path)));
    std::vector<MadeStep> steps;
    for (StepRow& row :
         read_steps(expect_document(client.request("GET", path + "/workflow_steps?include=dependencies")))) {
        steps.push_back({std::move(row.name), std::move(row.state), row.attempts, row.max_attempts,
                         std::move(row.dependencies)});
    }
    const auto known = template_of(client, task);
    return draw(command, picture_of(task.id() + " " + task.uuid + " " + task.status, steps,
                                    known ? &*known : nullptr));
}

}  // namespace tasker::host
