#pragma once
// The words of a JSON Schema (draft 7), looked at one by one. Pure; JSON in and out as text.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "host/model/input_schema.hpp"

namespace tasker::host {

struct SchemaWords {
    std::vector<SchemaRemark> remarks;
    std::set<std::string> patterns;  // of `pattern`, each without a fault
    std::string checkable_json;  // the same schema as the validator is given it; empty when it is unusable
};

// Looks at each subschema, also those only a $ref leads to: types, forms, references, and rules that would never end.
SchemaWords read_schema_words(std::string_view json);

}  // namespace tasker::host
