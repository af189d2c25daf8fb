// One row per way in which a template can be wrong: what is said, with which code, and where exactly.

#include <doctest/doctest.h>

#include <vector>

#include "tests/unit/templates/template_text.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {

struct Row {
    const char* about;
    std::string yaml;
    Severity severity;
    const char* code;
    int line, column;
    const char* path;
    const char* words;
};

std::string with_step_lines(std::string_view lines) { return minimal("demo", lines); }

std::string with_retry(std::string_view line) {
    return with_step_lines("    retry:\n      " + std::string(line) + "\n");
}

std::string with_namespace(std::string_view value) {
    return "name: demo\nnamespace_name: " + std::string(value) +
           "\nversion: '1'\nsteps:\n  - name: a\n    handler: {callable: x}\n";
}

const auto kError = Severity::Error;
const auto kWarning = Severity::Warning;

std::vector<Row> text_rows() {
    return {
        {"nothing at all", "", kError, "EMPTY_TEMPLATE", 1, 1, "", "empty template"},
        {"comments only", "# nothing\n\n", kError, "EMPTY_TEMPLATE", 1, 1, "", "empty template"},
        {"an empty document", "---\n", kError, "EMPTY_TEMPLATE", 1, 1, "", "empty template"},
        {"an unclosed bracket", "name: [a\nversion: b\n", kError, "SYNTAX", 2, 8, "", "not YAML"},
        {"a quote that is never closed",
         minimal("demo", "    description: \"never closed\n    timeout_seconds: 5\n"), kError,
         "UNCLOSED_QUOTE", 9, 18, "", "the quote \" that opens here is never closed"},
        {"an apostrophe that is never closed",
         "description: 'it''s open\nname: demo\nnamespace_name: n\nversion: x\n", kError, "UNCLOSED_QUOTE", 1,
         14, "", "the quote ' that opens here is never closed"},
        {"an escaped quote is no end", "name: \"open\\\"\nversion: x\n", kError, "UNCLOSED_QUOTE", 1, 7, "",
         "never closed"},
        {"an open quote behind letters of two bytes", "description: \xC3\xA9t\xC3\xA9\nname: \"open\n",
         kError, "UNCLOSED_QUOTE", 2, 7, "", "never closed"},
        {"an open quote behind an anchor", "a: 1\nname: &n\n  \"open\nversion: x\n", kError, "UNCLOSED_QUOTE",
         3, 3, "", "never closed"},
        {"an open quote in a list", "a: [x, 'open]\nversion: x\n", kError, "UNCLOSED_QUOTE", 1, 8, "",
         "never closed"},
        {"an open quote as key", "\"name: x\nversion: y\n", kError, "UNCLOSED_QUOTE", 1, 1, "",
         "never closed"},
        {"an open quote at the very end", "name: '", kError, "UNCLOSED_QUOTE", 1, 7, "", "never closed"},
        {"a tab as indentation", "steps:\n\t- a\n", kError, "SYNTAX", 2, 1, "",
         "a tab in the indentation: use spaces"},
        {"a tab behind spaces", "steps:\n  - name: a\n  \thandler: x\n", kError, "SYNTAX", 3, 3, "",
         "a tab in the indentation"},
        {"a duplicate key", minimal("demo", "steps: []\n"), kError, "DUPLICATE_KEY", 9, 1, "",
         "duplicate key 'steps': lines 5 and 9"},
        {"a language tag", minimal("!!python/object:os.system x"), kError, "TAG_NOT_ALLOWED", 1, 7, "",
         "tag not allowed: 'tag:yaml.org,2002:python/object:os.system'"},
        {"an include tag", with_step_lines("    description: !include other.yaml\n"), kError,
         "TAG_NOT_ALLOWED", 9, 18, "", "tag not allowed: '!include'"},
        {"a merge key", with_step_lines("    <<: {description: x}\n"), kError, "MERGE_KEY", 9, 5, "",
         "merge keys (<<) are not supported"},
        {"two documents", minimal() + "---\n" + minimal("other"), kError, "MULTIPLE_DOCUMENTS", 9, 1, "",
         "one document per file"},
        {"a list as key", minimal("demo", "[a, b]: c\n"), kError, "BAD_KEY", 9, 1, "",
         "a key must be a text"},
        {"an unknown alias", "name: *nobody\n", kError, "SYNTAX", 1, 7, "", "an alias without an anchor"},
        {"an alias of what encloses it", "name: &a [*a]\n", kError, "BAD_ALIAS", 1, 11, "", "has no end"},
        {"bytes that are not UTF-8", "name: \xC3\x28\n", kError, "NOT_UTF8", 1, 7, "", "not UTF-8 at byte 6"},
        {"an overlong encoding", "a: b\nc: \xC0\xAF\n", kError, "NOT_UTF8", 2, 4, "", "not UTF-8 at byte 8"},
        {"an encoded surrogate", "a: \xED\xA0\x80\n", kError, "NOT_UTF8", 1, 4, "", "not UTF-8 at byte 3"},
        {"a cut character", "a: \xE2\x82", kError, "NOT_UTF8", 1, 4, "", "not UTF-8 at byte 3"},
        {"UTF-16 with its mark", std::string("\xFF\xFEn\0a\0", 6), kError, "NOT_UTF8", 1, 1, "", "UTF-16"},
        {"UTF-16 without a mark", std::string("n\0a\0m\0e\0", 8), kError, "NOT_UTF8", 1, 1, "", "UTF-16"},
        {"a NUL byte", std::string("name: a\0b\n", 10), kError, "NUL_CHARACTER", 1, 8, "",
         "NUL character at byte 7"},
        {"an escape byte", "name: a\x1b[2J\n", kError, "CONTROL_CHARACTER", 1, 8, "",
         "control character at byte 7"},
        {"a NUL escape", minimal("\"a\\0b\""), kError, "NUL_CHARACTER", 1, 7, "", "NUL character"},
        {"a list at the top", "- a\n- b\n", kError, "WRONG_TYPE", 1, 1, "",
         "a template must be a map of keys, but is a list"},
        {"a text at the top", "hello\n", kError, "WRONG_TYPE", 1, 1, "", "but is the text 'hello'"},
    };
}

std::vector<Row> field_rows() {
    const std::string long_name(256, 'n');
    return {
        {"no name", minimal().substr(11), kError, "MISSING_KEY", 1, 1, "", "a template needs the key 'name'"},
        {"an empty name", minimal(""), kError, "MISSING_KEY", 1, 1, "name", "'name' is needed, but is empty"},
        {"a quoted empty name", minimal("''"), kError, "OUT_OF_RANGE", 1, 7, "name", "must not be empty"},
        {"a long name", minimal(long_name), kError, "OUT_OF_RANGE", 1, 7, "name", "has 256"},
        {"a name with an escape", minimal("\"a\\eb\""), kError, "CONTROL_CHARACTER", 1, 7, "name",
         "control character"},
        {"a number as name", minimal("7"), kError, "WRONG_TYPE", 1, 7, "name", "quote it: \"7\""},
        {"a list as name", minimal("[a]"), kError, "WRONG_TYPE", 1, 7, "name",
         "name must be a text, but is a list"},
        {"an unquoted version",
         "name: demo\nnamespace_name: n\nversion: 1.0\nsteps:\n  - {name: a, handler: {callable: x}}\n",
         kError, "WRONG_TYPE", 3, 10, "version", "quote it: \"1.0\""},
        {"a long version",
         "name: demo\nnamespace_name: n\nversion: "
         "1.0.0-alpha.1234567890123456789012345678901234567890\nsteps:\n  - {name: a, handler: "
         "{callable: x}}\n",
         kError, "OUT_OF_RANGE", 3, 10, "version", "1 to 50 characters"},
        {"a namespace of 35 characters", with_namespace(std::string(35, 'a')), kError, "NAMESPACE", 2, 17,
         "namespace_name", "namespace must match [A-Za-z_][A-Za-z0-9_]*, max 29"},
        {"a namespace of 30 characters", with_namespace(std::string(30, 'a')), kError, "NAMESPACE", 2, 17,
         "namespace_name", "max 29"},
        {"a namespace with a dash", with_namespace("a-b"), kError, "NAMESPACE", 2, 17, "namespace_name",
         "'a-b'"},
        {"a namespace with a digit first", with_namespace("1a"), kError, "NAMESPACE", 2, 17, "namespace_name",
         "'1a'"},
        {"a namespace that climbs", with_namespace("../x"), kError, "NAMESPACE", 2, 17, "namespace_name",
         "'../x'"},
        {"a namespace in Greek", with_namespace("\xCE\xB1"), kError, "NAMESPACE", 2, 17, "namespace_name",
         "must match"},
        {"no steps", "name: a\nnamespace_name: n\nversion: '1'\n", kError, "MISSING_KEY", 1, 1, "",
         "needs the key 'steps'"},
        {"an empty list of steps", "name: a\nnamespace_name: n\nversion: '1'\nsteps: []\n", kError,
         "OUT_OF_RANGE", 4, 8, "steps", "1 to 1000 items, but has 0"},
        {"steps that are a map", "name: a\nnamespace_name: n\nversion: '1'\nsteps: {a: b}\n", kError,
         "WRONG_TYPE", 4, 8, "steps", "steps must be a list, but is a map"},
        {"an empty step", minimal("demo", "  -\n"), kError, "WRONG_TYPE", 6, 3, "steps[1]",
         "a step must be a map"},
        {"a step without handler", minimal("demo", "  - name: b\n"), kError, "MISSING_KEY", 9, 5, "steps[1]",
         "a step needs the key 'handler'"},
        {"a long step name",
         minimal("demo", "  - {name: " + std::string(256, 's') + ", handler: {callable: x}}\n"), kError,
         "OUT_OF_RANGE", 9, 12, "steps[1].name", "1 to 255"},
        {"a handler that is a text", minimal("demo", "  - {name: b, handler: x}\n"), kError, "WRONG_TYPE", 9,
         24, "steps[1].handler", "a handler must be a map"},
        {"a handler without callable", minimal("demo", "  - {name: b, handler: {}}\n"), kError, "MISSING_KEY",
         9, 24, "steps[1].handler", "a handler needs the key 'callable'"},
        {"an empty callable", minimal("demo", "  - {name: b, handler: {callable: ''}}\n"), kError,
         "EMPTY_CALLABLE", 9, 35, "steps[1].handler.callable", "must not be empty"},
        {"initialization as a list", with_step_lines("      initialization: [1]\n"), kError, "WRONG_TYPE", 9,
         23, "steps[0].handler.initialization", "must be a map of keys"},
        {"infinity in initialization", with_step_lines("      initialization: {a: [.inf]}\n"), kError,
         "OUT_OF_RANGE", 9, 28, "steps[0].handler.initialization.a[0]", ".inf does not fit"},
        {"an integer beyond 64 bits", with_step_lines("      initialization: {a: 99999999999999999999}\n"),
         kError, "OUT_OF_RANGE", 9, 27, "steps[0].handler.initialization.a", "does not fit; quote it"},
        {"an unknown step type", with_step_lines("    type: standart\n"), kError, "UNKNOWN_VALUE", 9, 11,
         "steps[0].type", "did you mean 'standard'?"},
        {"type under both names", with_step_lines("    type: standard\n    step_type: standard\n"), kError,
         "BOTH_SPELLINGS", 10, 5, "steps[0]", "'type' (line 9) and 'step_type' (line 10)"},
        {"dependencies under both names", with_step_lines("    depends_on: []\n    dependencies: []\n"),
         kError, "BOTH_SPELLINGS", 10, 5, "steps[0]", "'dependencies' (line 10) and 'depends_on' (line 9)"},
        {"dependencies as a text", with_step_lines("    dependencies: other\n"), kError, "WRONG_TYPE", 9, 19,
         "steps[0].dependencies", "must be a list of texts"},
        {"a number as dependency", with_step_lines("    dependencies: [1]\n"), kError, "WRONG_TYPE", 9, 20,
         "steps[0].dependencies[0]", "must be a text, but is the number 1"},
        {"a composition", with_step_lines("    composition: x\n"), kError, "NOT_SUPPORTED", 9, 5,
         "steps[0].composition", "composed by a grammar exist only in Tasker's Rust worker"},
        {"a timeout of nothing", with_step_lines("    timeout_seconds: 0\n"), kError, "OUT_OF_RANGE", 9, 22,
         "steps[0].timeout_seconds", "from 1 to 31536000, but is 0"},
        {"a timeout that is no number", with_step_lines("    timeout_seconds: .nan\n"), kError,
         "OUT_OF_RANGE", 9, 22, "steps[0].timeout_seconds", "but is .nan"},
        {"an endless timeout", with_step_lines("    timeout_seconds: 1e12\n"), kError, "OUT_OF_RANGE", 9, 22,
         "steps[0].timeout_seconds", "but is 1e12"},
        {"an unknown identity", minimal("demo", "identity_strategy: uniqe\n"), kError, "UNKNOWN_VALUE", 9, 20,
         "identity_strategy", "strict, caller_provided or always_unique, but is 'uniqe'"},
        {"an input schema that is a list", minimal("demo", "input_schema: []\n"), kError, "WRONG_TYPE", 9, 15,
         "input_schema", "a JSON Schema"},
        {"an input schema that is no map", minimal("demo", "input_schema: true\n"), kError, "WRONG_TYPE", 9,
         15, "input_schema", "a JSON Schema: a map"},
        {"an input schema of an unknown type",
         minimal("demo", "input_schema:\n  properties:\n    n: {type: strnig}\n"), kError, "SCHEMA_UNUSABLE",
         11, 9, "input_schema.properties.n.type", "unknown type 'strnig', did you mean 'string'?"},
        {"an input schema that refers elsewhere",
         minimal("demo", "input_schema:\n  allOf:\n    - $ref: https://example.org/x.json\n"), kError,
         "SCHEMA_UNUSABLE", 11, 7, "input_schema.allOf[0].$ref", "another document is not followed"},
        {"an input schema that refers to a file",
         minimal("demo", "input_schema: {$ref: 'file:///etc/passwd'}\n"), kError, "SCHEMA_UNUSABLE", 9, 16,
         "input_schema.$ref", "another document is not followed"},
        {"an input schema without end", minimal("demo", "input_schema: {allOf: [{$ref: '#'}]}\n"), kError,
         "SCHEMA_UNUSABLE", 9, 24, "input_schema.allOf[0]", "without an end"},
        {"a creation time in words", minimal("demo", "metadata: {created_at: yesterday}\n"), kError,
         "WRONG_TYPE", 9, 24, "metadata.created_at", "2026-01-31T12:00:00Z"},
        {"tags that are no texts", minimal("demo", "metadata: {tags: [true]}\n"), kError, "WRONG_TYPE", 9, 19,
         "metadata.tags[0]", "truth value true"},
        {"a domain event without name", minimal("demo", "domain_events: [{description: x}]\n"), kError,
         "MISSING_KEY", 9, 17, "domain_events[0]", "needs the key 'name'"},
        {"an override without name",
         minimal("demo", "environments: {test: {steps: [{timeout_seconds: 1}]}}\n"), kError, "MISSING_KEY", 9,
         31, "environments.test.steps[0]", "an override needs the key 'name'"},
    };
}

std::vector<Row> retry_rows() {
    const auto attempts = "steps[0].retry.max_attempts";
    return {
        {"no attempts", with_retry("max_attempts: 0"), kError, "OUT_OF_RANGE", 10, 21, attempts,
         "1 to 100, but is 0"},
        {"negative attempts", with_retry("max_attempts: -1"), kError, "OUT_OF_RANGE", 10, 21, attempts,
         "but is -1"},
        {"a billion attempts", with_retry("max_attempts: 1000000000"), kError, "OUT_OF_RANGE", 10, 21,
         attempts, "but is 1000000000"},
        {"a billion as a float", with_retry("max_attempts: 1e9"), kError, "OUT_OF_RANGE", 10, 21, attempts,
         "but is 1e9"},
        {"101 attempts", with_retry("max_attempts: 101"), kError, "OUT_OF_RANGE", 10, 21, attempts,
         "but is 101"},
        {"half an attempt", with_retry("max_attempts: 1.5"), kError, "OUT_OF_RANGE", 10, 21, attempts,
         "whole number"},
        {"attempts in quotes", with_retry("max_attempts: \"3\""), kError, "WRONG_TYPE", 10, 21, attempts,
         "without quotes, but is the text '3'"},
        {"attempts beyond 64 bits", with_retry("max_attempts: 99999999999999999999"), kError, "OUT_OF_RANGE",
         10, 21, attempts, "but is 99999999999999999999"},
        {"yes as a truth value", with_retry("retryable: yes"), kError, "WRONG_TYPE", 10, 18,
         "steps[0].retry.retryable", "must be true or false, but is the text 'yes'"},
        {"an unknown backoff", with_retry("backoff: exponentail"), kError, "UNKNOWN_VALUE", 10, 16,
         "steps[0].retry.backoff", "did you mean 'exponential'?"},
        {"a tiny base", with_retry("backoff_base_ms: 99"), kError, "OUT_OF_RANGE", 10, 24,
         "steps[0].retry.backoff_base_ms", "100 to 3600000, but is 99"},
        {"a tiny maximum", with_retry("max_backoff_ms: 999"), kError, "OUT_OF_RANGE", 10, 23,
         "steps[0].retry.max_backoff_ms", "1000 to 3600000, but is 999"},
        {"retry as a number", with_step_lines("    retry: 3\n"), kError, "WRONG_TYPE", 9, 12,
         "steps[0].retry", "retry must be a map of keys, but is the number 3"},
        {"limit", with_retry("limit: 3"), kWarning, "UNKNOWN_KEY", 10, 7, "steps[0].retry.limit",
         "did you mean 'max_attempts'"},
        {"initial_delay", with_retry("initial_delay: 3"), kWarning, "UNKNOWN_KEY", 10, 7,
         "steps[0].retry.initial_delay", "did you mean 'backoff_base_ms' (milliseconds)?"},
        {"max_delay", with_retry("max_delay: 3"), kWarning, "UNKNOWN_KEY", 10, 7, "steps[0].retry.max_delay",
         "did you mean 'max_backoff_ms' (milliseconds)?"},
        {"a misspelt key", with_retry("max_atempts: 3"), kWarning, "UNKNOWN_KEY", 10, 7,
         "steps[0].retry.max_atempts", "did you mean 'max_attempts'?"},
    };
}

std::vector<Row> graph_and_warning_rows() {
    return {
        {"one step name twice", minimal("demo", "  - name: first\n    handler: {callable: x}\n"), kError,
         "DUPLICATE_STEP_NAME", 9, 11, "steps[1].name", "two steps are named 'first': lines 6 and 9"},
        {"a step that waits for itself", with_step_lines("    dependencies: [first]\n"), kError,
         "SELF_DEPENDENCY", 9, 20, "steps[0].dependencies[0]", "dependency cycle: 'first' depends on itself"},
        {"an unknown dependency",
         minimal("demo", "  - name: b\n    dependencies:\n      - fisrt\n    handler: {callable: x}\n"),
         kError, "MISSING_DEP_REF", 11, 9, "steps[1].dependencies[0]",
         "depends on 'fisrt' which does not exist, did you mean 'first'?"},
        {"a cycle of two",
         "name: demo\nnamespace_name: n\nversion: '1'\nsteps:\n"
         "  - {name: A, dependencies: [B], handler: {callable: x}}\n"
         "  - {name: B, depends_on: [A], handler: {callable: x}}\n",
         kError, "CYCLE_DETECTED", 5, 12, "steps[0].dependencies", "dependency cycle: A -> B -> A"},
        {"an unknown key at the top", minimal("demo", "stpes: []\n"), kWarning, "UNKNOWN_KEY", 9, 1, "stpes",
         "a template has no key 'stpes', it is ignored, did you mean 'steps'?"},
        {"namespace", minimal("demo", "namespace: x\n"), kWarning, "UNKNOWN_KEY", 9, 1, "namespace",
         "did you mean 'namespace_name'?"},
        {"a misspelt namespace", minimal("demo", "namespce: x\n"), kWarning, "UNKNOWN_KEY", 9, 1, "namespce",
         "did you mean 'namespace_name'?"},
        {"a removed key", minimal("demo", "task_handler: x\n"), kWarning, "UNKNOWN_KEY", 9, 1, "task_handler",
         "remove it"},
        {"a key like nothing", minimal("demo", "zzzzzzzzzz: x\n"), kWarning, "UNKNOWN_KEY", 9, 1,
         "zzzzzzzzzz", "has no key 'zzzzzzzzzz', it is ignored; remove it"},
        {"a resolver of an embedder", with_step_lines("      resolver: explicit_maping\n"), kWarning,
         "UNKNOWN_RESOLVER", 9, 17, "steps[0].handler.resolver",
         "only explicit_mapping or plugin_lookup: a plugin or a program that embeds it must bring one, did "
         "you mean "
         "'explicit_mapping'?"},
        {"a part of a lifecycle", minimal("demo", "lifecycle: {auto_fail_on_timeout: true}\n"), kWarning,
         "NOT_ACTED_UPON", 9, 13, "lifecycle.auto_fail_on_timeout", "staleness_action decides"},
        {"an empty list key", with_step_lines("    dependencies:\n"), kWarning, "EMPTY_VALUE", 9, 5,
         "steps[0].dependencies", "counts as absent"},
        {"a dependency twice",
         minimal("demo", "  - {name: b, dependencies: [first, first], handler: {callable: x}}\n"), kWarning,
         "DUPLICATE_ITEM", 9, 37, "steps[1].dependencies[1]", "'first' is listed twice"},
        {"an input that is no object", minimal("demo", "input_schema: {type: array}\n"), kWarning,
         "SCHEMA_NOT_OBJECT", 9, 16, "input_schema.type", "write type: object"},
        {"a rule of a later draft", minimal("demo", "input_schema: {type: object, prefixItems: []}\n"),
         kWarning, "SCHEMA_IGNORED", 9, 30, "input_schema.prefixItems", "after 7 and is ignored"},
        {"a name too long for Tasker's database", minimal(std::string(65, 'n')), kWarning,
         "TOO_LONG_FOR_TASKER", 1, 7, "name", "has 65 characters, and Tasker's database takes 64"},
        {"a version too long for Tasker's database",
         "name: demo\nnamespace_name: n\nversion: v1234567890123456\nsteps:\n  - name: a\n    handler: "
         "{callable: x}\n",
         kWarning, "TOO_LONG_FOR_TASKER", 3, 10, "version", "takes 16"},
        {"a step name too long for Tasker's database",
         minimal("demo", "  - {name: " + std::string(255, 's') + ", handler: {callable: x}}\n"), kWarning,
         "TOO_LONG_FOR_TASKER", 9, 12, "steps[1].name", "takes 128"},
        {"an override of nothing", minimal("demo", "environments: {test: {steps: [{name: fist}]}}\n"),
         kWarning, "UNKNOWN_OVERRIDE_STEP", 9, 38, "environments.test.steps[0].name",
         "did you mean 'first'?"},
    };
}

void check(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        CAPTURE(row.about);
        const LoadedTemplates loaded = parsed(row.yaml);
        CAPTURE(all_text(loaded.diagnostics));
        REQUIRE(loaded.diagnostics.size() == 1);
        const Diagnostic& found = loaded.diagnostics.front();
        CHECK(found.severity == row.severity);
        CHECK(found.code == row.code);
        CHECK(found.line == row.line);
        CHECK(found.column == row.column);
        CHECK(found.path == row.path);
        CHECK(found.message.find(row.words) != std::string::npos);
        CHECK(loaded.files == 1);
        const bool refused = row.severity == Severity::Error;
        CHECK(loaded.failed == (refused ? 1 : 0));
        CHECK(loaded.catalog.all().size() == (refused ? 0 : 1));
        CHECK(loaded.has_errors() == refused);
    }
}

}  // namespace

TEST_CASE("a file that is no YAML template is refused with the place and the reason") { check(text_rows()); }
TEST_CASE("quotes that open nothing are no unclosed ones") {
    for (const char* value :
         {"it's plain and says 5\" wide", "'a \" in it'", "\"an ' in it\"", "'it''s'",
          "\"a \\\" and a \\\\\"", "''", "\"\"", "|\n      it's \"open\n      'still", ">-\n      \"folded",
          "plain  # it's a \"comment", "&a \"x\"", "&a |\n      it's", "\"over\n      two lines\"",
          "\"ends at once\\\n      here\"", "'\xC3\xA9'"}) {
        CAPTURE(value);
        const auto loaded = parsed(with_step_lines(std::string("    description: ") + value + "\n"));
        CHECK(all_text(loaded.diagnostics).empty());
        CHECK(parsed(with_step_lines(std::string("    description: ") + value)).failed == 0);
    }
    CHECK(all_text(parsed("# it's a \"comment\n" + minimal()).diagnostics).empty());
}
TEST_CASE("a field of the wrong type, range or name is refused with its line, column and path") {
    check(field_rows());
}
TEST_CASE("each wrong retry setting is refused with its value and the allowed range") { check(retry_rows()); }
TEST_CASE("T05 T10: graph errors and warnings name the lines and the nearest name") {
    check(graph_and_warning_rows());
}

TEST_CASE("T03: every problem of a file is told at once, sorted by line") {
    const auto loaded = parsed(
        "name: 5\n"
        "namespace_name: a-b\n"
        "version: 1.0\n"
        "stepz: x\n"
        "steps:\n"
        "  - name: a\n"
        "    handler: {callable: x}\n"
        "    retry: {max_attempts: 0, limit: 2}\n"
        "  - name: a\n"
        "    handler: {}\n"
        "    dependencies: [nobody]\n"
        "name: again\n");
    std::string codes;
    for (const Diagnostic& entry : loaded.diagnostics) {
        codes += std::to_string(entry.line) + ":" + std::to_string(entry.column) + " " + entry.code + "\n";
    }
    CHECK(codes ==
          "1:7 WRONG_TYPE\n2:17 NAMESPACE\n3:10 WRONG_TYPE\n4:1 UNKNOWN_KEY\n8:27 OUT_OF_RANGE\n8:30 "
          "UNKNOWN_KEY\n"
          "9:11 DUPLICATE_STEP_NAME\n10:14 MISSING_KEY\n11:20 MISSING_DEP_REF\n12:1 DUPLICATE_KEY\n");
    CHECK(loaded.failed == 1);
}

TEST_CASE("a lifecycle is taken over, and its numbers have ranges") {
    const auto good = parsed(minimal(
        "demo",
        "lifecycle: {max_duration_minutes: 5, max_waiting_for_retry_minutes: 7, staleness_action: error}\n"));
    REQUIRE(all_text(good.diagnostics).empty());
    const Lifecycle& lifecycle = good.catalog.all().at(0)->lifecycle;
    CHECK(lifecycle.max_duration == 5);
    CHECK(lifecycle.max_waiting_for_retry == 7);
    CHECK_FALSE(lifecycle.max_steps_in_process.has_value());
    CHECK(lifecycle.staleness_action == "error");
    const auto bad = parsed(minimal("demo", "lifecycle:\n  max_duration_minutes: 0\n"));
    REQUIRE(bad.diagnostics.size() == 1);
    CHECK(bad.diagnostics[0].str() ==
          "t.yaml:10:25: error: lifecycle.max_duration_minutes: max_duration_minutes must be a whole number "
          "from 1 to "
          "43200, but is 0 [OUT_OF_RANGE]");
}

TEST_CASE("T05: an unknown key is an error under --strict and says nothing of being ignored") {
    const auto loaded = parsed(with_retry("limit: 3"), {.strict = true});
    REQUIRE(loaded.diagnostics.size() == 1);
    CHECK(loaded.diagnostics[0].severity == Severity::Error);
    CHECK(loaded.diagnostics[0].str() ==
          "t.yaml:10:7: error: steps[0].retry.limit: retry has no key 'limit', did you mean 'max_attempts' "
          "(attempts in "
          "all, the first one included)? [UNKNOWN_KEY]");
    CHECK(loaded.catalog.all().empty());
}

TEST_CASE("a message cannot steer the terminal") {
    const auto loaded = parsed(minimal("demo", "\"\\e]0;x\\x9b\": 1\n"));
    REQUIRE(loaded.diagnostics.size() == 1);
    const std::string text = loaded.diagnostics[0].str();
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find("\xC2\x9B") == std::string::npos);
    CHECK(text.find("\\x1b]0;x\\x9b") != std::string::npos);
}
