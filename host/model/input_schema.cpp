#include "host/model/input_schema.hpp"

// Else the library aborts the process over a schema that it does not like.
#define VALIJSON_USE_EXCEPTIONS 1

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <exception>
#include <mutex>
#include <nlohmann/json.hpp>
#include <regex>
#include <unordered_map>
#include <utility>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validation_visitor.hpp>

#include "host/core/guarded.hpp"
#include "host/model/schema_pattern.hpp"
#include "host/model/schema_words.hpp"

namespace tasker::host {

namespace {
using Json = nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;
using Error = valijson::ValidationResults::Error;

constexpr std::size_t kShownFaults = 3;

// What the library says, and the rule's name that its text leaves out. In this order: some texts contain others.
struct Rule {
    std::string_view text, name;
};
constexpr auto kRules = std::to_array<Rule>({
    {"'type' constraint", "type"},
    {"Missing required property", "required"},
    {"'pattern' constraint", "pattern"},
    {"Expected number less than or equal", "maximum"},
    {"Expected number less than", "exclusiveMaximum"},
    {"Expected number greater than or equal", "minimum"},
    {"Expected number greater than", "exclusiveMinimum"},
    {"multiple of", "multipleOf"},
    {"multipleOf", "multipleOf"},
    {"any enum values", "enum"},
    {"'const' constraint", "const"},
    {"String should be a valid", "format"},
    {"Array should contain no more", "maxItems"},
    {"Array should contain no fewer", "minItems"},
    {"String should be no more", "maxLength"},
    {"String should be no fewer", "minLength"},
    {"Object should have no more", "maxProperties"},
    {"Object should have no fewer", "minProperties"},
    {"uniqueness constraint", "uniqueItems"},
    {"'additionalProperties' constraints", "additionalProperties"},
    {"'additionalItems' constraint", "additionalItems"},
    {"Array contains more items", "items"},
    {"'contains' constraint", "contains"},
    {"Missing dependency", "dependencies"},
    {"'not' constraint", "not"},
    {"exactly one child schema", "oneOf"},
    {"oneOf constraint", "oneOf"},
    {"anyOf constraint", "anyOf"},
    {"if-then-else", "if"},
});

std::string_view rule_of(const Error& error) {
    const auto found = std::find_if(kRules.begin(), kRules.end(), [&](const Rule& rule) {
        return error.description.find(rule.text) != std::string::npos;
    });
    return found == kRules.end() ? std::string_view{} : found->name;
}

// "<root>", "[name]" and "[0]" as a JSON pointer.
std::string pointer_of(const Error& error) {
    Json::json_pointer at;
    for (std::size_t i = 1; i < error.context.size(); ++i) {
        std::string name = error.context[i];
        if (name.size() >= 2 && name.front() == '[' && name.back() == ']')
            name = name.substr(1, name.size() - 2);
        if (name.size() >= 2 && name.front() == '"' && name.back() == '"')
            name = name.substr(1, name.size() - 2);
        at.push_back(name);
    }
    return at.to_string();
}

std::string words_of(std::string text) {
    constexpr std::string_view kZeros = ".000000";
    for (auto at = text.find(kZeros); at != std::string::npos; at = text.find(kZeros))
        text.erase(at, kZeros.size());
    while (!text.empty() && text.back() == '.') text.pop_back();
    constexpr std::size_t kMaxWords = 300;
    if (text.size() > kMaxWords) text = text.substr(0, kMaxWords) + "...";
    return text;
}

std::string described(const Error& error) {
    const std::string pointer = pointer_of(error);
    const std::string_view rule = rule_of(error);
    return (pointer.empty() ? "the whole" : "'" + pointer.substr(0, 300) + "'") +
           (rule.empty() ? "" : " breaks '" + std::string(rule) + "'") + ": " + words_of(error.description);
}

// What the others follow from comes first; those without a rule's name only repeat it one level up.
std::string described(valijson::ValidationResults& results) {
    std::string text;
    std::size_t shown = 0;
    std::optional<Error> fallback;
    for (const Error& error : results) {
        if (!fallback) fallback = error;
        if (rule_of(error).empty() || shown == kShownFaults) continue;
        text += (++shown == 1 ? "" : "; ") + described(error);
    }
    if (shown > 0) return text;
    return fallback ? described(*fallback) : "the whole: no value is allowed";
}

// The validator's matcher needs stack for each character of a key, too.
bool has_long_key(const Json& value) {
    if (!value.is_structured()) return false;
    for (const auto& [key, entry] : value.items()) {
        if (key.size() > static_cast<std::size_t>(kMaxMatched) || has_long_key(entry)) return true;
    }
    return false;
}
}  // namespace

class InputSchema::Compiled {
  public:
    explicit Compiled(const std::string& json) {
        SchemaWords words = read_schema_words(json);
        remarks_ = std::move(words.remarks);
        if (words.checkable_json.empty()) return;
        try {
            const Json document = Json::parse(words.checkable_json);
            valijson::SchemaParser(valijson::SchemaParser::kDraft7)
                .populateSchema(Adapter(document), schema_);
            patterns_.with([&](Patterns& patterns) {
                for (const std::string& one : words.patterns) patterns.emplace(one, compiled_pattern(one));
            });
        } catch (const std::exception& error) {
            remarks_.push_back({true, {}, error.what()});
        }
    }

    const std::vector<SchemaRemark>& remarks() const { return remarks_; }

    std::optional<std::string> fault(std::string_view context_json, const std::string& called) const {
        for (const SchemaRemark& remark : remarks_) {
            if (remark.unusable) return called + " cannot be used: " + remark.pointer + " " + remark.message;
        }
        Json context = Json::parse(context_json, nullptr, false);
        whole_numbers(context);
        if (has_long_key(context))
            return "a key is longer than " + std::to_string(kMaxMatched) + " bytes, which " + called +
                   " cannot check";
        valijson::ValidationResults results;
        try {
            const bool fits = patterns_.with([&](Patterns& patterns) {
                const bool strict = true;  // "6" is no number
                return valijson::ValidationVisitor<Adapter>(Adapter(context), {"<root>"}, strict, &results,
                                                            patterns)
                    .validateSchema(schema_);
            });
            if (fits) return std::nullopt;
        } catch (const std::exception& error) {
            return "cannot be checked against " + called + ": " + error.what();
        }
        return "it does not fit " + called + ": " + described(results);
    }

  private:
    // 6.0 is an integer to JSON Schema, a floating point number to the parser.
    static void whole_numbers(Json& value) {
        if (value.is_number_float()) {
            const double number = value.get<double>();
            constexpr double kExact = 9007199254740992.0;
            if (number == std::floor(number) && std::fabs(number) <= kExact)
                value = static_cast<std::int64_t>(number);
        } else if (value.is_structured()) {
            for (Json& member : value) whole_numbers(member);
        }
    }

    std::vector<SchemaRemark> remarks_;
    valijson::Schema schema_;
    // The validator takes patterns from here, and would compile one that is not there in its own, boundless way.
    using Patterns = std::unordered_map<std::string, std::regex>;
    mutable Guarded<Patterns> patterns_;
};

struct InputSchema::Once {
    std::once_flag flag;
};

InputSchema::InputSchema(std::string json, std::string called)
    : json_(std::move(json)), called_(std::move(called)), once_(std::make_unique<Once>()) {}

InputSchema::~InputSchema() = default;

const InputSchema::Compiled& InputSchema::compiled() const {
    std::call_once(once_->flag, [&] { compiled_ = std::make_unique<Compiled>(json_); });
    return *compiled_;
}

std::vector<SchemaRemark> InputSchema::remarks() const { return compiled().remarks(); }

std::optional<std::string> InputSchema::fault(std::string_view context_json) const {
    return compiled().fault(context_json, called_);
}

}  // namespace tasker::host
