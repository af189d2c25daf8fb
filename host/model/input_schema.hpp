#pragma once
// The JSON Schema (draft 7) of a template's input. Compiled when the first context is checked, then shared by all
// copies of the template. Thread-safe. Pure: a reference to another document is refused, never fetched.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tasker::host {

// Something about a schema itself.
struct SchemaRemark {
    bool unusable = true;  // false: it is only ignored
    std::string pointer;   // JSON pointer into the schema; empty: the whole
    std::string message;
};

class InputSchema {
  public:
    // `called` is the schema in messages.
    explicit InputSchema(std::string json, std::string called = "the template's input_schema");
    ~InputSchema();
    InputSchema(const InputSchema&) = delete;
    InputSchema& operator=(const InputSchema&) = delete;

    // All that is wrong with the schema; empty when every word of it is honoured.
    std::vector<SchemaRemark> remarks() const;

    // What is wrong with the context, each with its JSON pointer and the rule it breaks; nothing when it fits. A schema
    // that is unusable fits nothing. `context_json` is valid JSON.
    std::optional<std::string> fault(std::string_view context_json) const;

  private:
    class Compiled;
    const Compiled& compiled() const;

    const std::string json_, called_;
    mutable std::unique_ptr<Compiled> compiled_;
    struct Once;
    std::unique_ptr<Once> once_;
};

}  // namespace tasker::host
