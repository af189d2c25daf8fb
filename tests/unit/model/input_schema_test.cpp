#include "host/model/input_schema.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tasker::host;

namespace {
std::string verdict(const std::string& schema, const std::string& context) {
    return InputSchema(schema).fault(context).value_or("fits");
}

std::string remark(const std::string& schema) {
    std::string text;
    for (const auto& one : InputSchema(schema).remarks())
        text += (one.unusable ? "" : "ignored ") + one.pointer + ": " + one.message + "\n";
    return text;
}

#define CHECK_SAYS(text, part) CHECK_MESSAGE((text).find(part) != std::string::npos, (text))
}  // namespace

TEST_CASE("InputSchema: a context that fits has no fault") {
    const std::string schema = R"({"type":"object","required":["number"],"additionalProperties":false,
        "properties":{"number":{"type":"integer","minimum":1},"tags":{"type":"array","items":{"type":"string"}}}})";
    CHECK(verdict(schema, R"({"number":6})") == "fits");
    CHECK(verdict(schema, R"({"number":6,"tags":["a"]})") == "fits");
    CHECK(verdict(R"({"title":"anything goes"})", R"({"x":[null,{"y":1e300}]})") == "fits");
    CHECK(remark(schema).empty());
}

TEST_CASE("InputSchema: a fault names the JSON pointer and the rule") {
    const std::string schema = R"({"type":"object","required":["number"],"additionalProperties":false,
        "properties":{"number":{"type":"integer","minimum":1},"tags":{"type":"array","items":{"type":"string"}},
                      "a/b":{"enum":["x"]}}})";
    CHECK_SAYS(verdict(schema, "{}"), "the whole breaks 'required': Missing required property 'number'");
    CHECK_SAYS(verdict(schema, R"({"number":"6"})"), "'/number' breaks 'type'");
    CHECK_SAYS(verdict(schema, R"({"number":0})"),
               "'/number' breaks 'minimum': Expected number greater than or equal to 1");
    CHECK_SAYS(verdict(schema, R"({"number":6,"tags":["a",2]})"), "'/tags/1' breaks 'type'");
    CHECK_SAYS(verdict(schema, R"({"number":6,"a/b":"y"})"), "'/a~1b' breaks 'enum'");
    CHECK_SAYS(verdict(schema, R"({"number":6,"numbr":7})"), "breaks 'additionalProperties'");
    CHECK_SAYS(verdict(schema, R"({"number":6,"numbr":7})"), "'numbr'");
}

TEST_CASE("InputSchema: references within the schema work, also recursive ones") {
    const std::string tree =
        R"({"$id":"https://example.org/tree.json","$ref":"#/definitions/node","definitions":
        {"node":{"type":"object","properties":{"children":{"type":"array","items":{"$ref":"#/definitions/node"}},
                 "name":{"type":"string"}}}}})";
    CHECK(verdict(tree, R"({"children":[{"children":[{"name":"leaf"}]}]})") == "fits");
    CHECK_SAYS(verdict(tree, R"({"children":[{"children":[{"name":1}]}]})"),
               "'/children/0/children/0/name' breaks 'type'");
    const std::string self = R"({"type":"object","properties":{"next":{"$ref":"#"},"n":{"type":"integer"}}})";
    CHECK(verdict(self, R"({"next":{"next":{"n":1}}})") == "fits");
    CHECK_SAYS(verdict(self, R"({"next":{"next":{"n":"x"}}})"), "'/next/next/n'");
}

TEST_CASE("InputSchema: what cannot be used is said with its place, and fits nothing") {
    CHECK_SAYS(remark(R"({"type":"objekt"})"), "/type: unknown type 'objekt', did you mean 'object'?");
    CHECK_SAYS(remark(R"({"properties":{"a":{"type":["string","nil"]}}})"),
               "/properties/a/type: unknown type 'nil'");
    CHECK_SAYS(
        remark(R"({"properties":{"a":{"$ref":"http://example.org/a.json"}}})"),
        "/properties/a/$ref: a reference to another document is not followed: 'http://example.org/a.json'");
    CHECK_SAYS(remark(R"({"properties":{"a":{"$ref":"/etc/passwd"}}})"), "is not followed: '/etc/passwd'");
    CHECK_SAYS(remark(R"({"properties":{"a":{"$ref":"#/definitions/nowhere"}}})"), "leads nowhere");
    CHECK_SAYS(remark(R"({"properties":{"a":{"$ref":"#/~x"}}})"), "/properties/a/$ref");
    CHECK_SAYS(remark(R"({"properties":{"a":{"pattern":"("}}})"),
               "/properties/a/pattern: 'pattern' is no regular expression");
    CHECK_SAYS(remark(R"({"properties":{"a":{"minLength":-1}}})"), "/properties/a/minLength");
    CHECK_SAYS(remark(R"({"properties":{"a":3}})"), "/properties/a: must be a schema");
    CHECK_SAYS(remark(R"({"required":"a"})"), "/required: 'required' must be a list of names");
    CHECK_SAYS(remark("[]"), "must be a map");
    INFO("what only the library knows does not end the process");
    CHECK_SAYS(remark(R"({"divisibleBy":3})"), "divisibleBy");
    CHECK_SAYS(verdict(R"({"divisibleBy":3})", "{}"), "cannot be used");
    CHECK_SAYS(verdict(R"({"type":"objekt"})", "{}"), "cannot be used");
}

TEST_CASE("InputSchema: a schema that never ends is refused and not run") {
    CHECK_SAYS(remark(R"({"$ref":"#"})"), "without an end");
    CHECK_SAYS(remark(R"({"allOf":[{"$ref":"#"}]})"), "without an end");
    CHECK_SAYS(remark(R"({"$ref":"#/definitions/a","definitions":{"a":{"not":{"$ref":"#/definitions/b"}},
                         "b":{"anyOf":[{"$ref":"#/definitions/a"}]}}})"),
               "without an end");
    CHECK(remark(R"({"properties":{"a":{"$ref":"#"}}})").empty());
}

TEST_CASE("InputSchema: words of later drafts are said to be ignored") {
    CHECK_SAYS(remark(R"({"dependentRequired":{"a":["b"]}})"), "ignored /dependentRequired");
    CHECK(verdict(R"({"dependentRequired":{"a":["b"]}})", R"({"a":1})") == "fits");
}

TEST_CASE("InputSchema: a text too long for its pattern is a fault and not the end of the stack") {
    const std::string schema =
        R"({"properties":{"code":{"pattern":"^([a-z]|[0-9])*$"}},"patternProperties":{"^x":true}})";
    CHECK(verdict(schema, R"({"code":"abc1"})") == "fits");
    CHECK_SAYS(verdict(schema, R"({"code":"ABC"})"), "'/code' breaks 'pattern'");
    CHECK(verdict(schema, R"({"code":")" + std::string(1024, 'a') + R"("})") == "fits");
    CHECK_SAYS(verdict(schema, R"({"code":")" + std::string(900'000, 'a') + R"("})"),
               "'/code' breaks 'maxLength'");
    CHECK_SAYS(verdict(schema, R"({")" + std::string(900'000, 'x') + R"(":1})"), "a key is longer than");
    CHECK(verdict(schema, R"({"note":")" + std::string(900'000, 'a') + R"("})") == "fits");
}

TEST_CASE("InputSchema: no pattern takes long, whatever the text") {
    const std::string as(1024, 'a');
    for (const char* pattern : {"(a*)*b", "(a|a)*b", "(a|aa)+$b", "a*a*a*a*a*a*a*b", "^(([a-z])+.)+[A-Z]$",
                                "^(\\\\w+\\\\.)*\\\\w+@(\\\\w+\\\\.)+\\\\w+$", "^(?=.*b)(?=.*c).*$"}) {
        CAPTURE(pattern);
        const std::string schema = R"({"properties":{"a":{"pattern":")" + std::string(pattern) + R"("}}})";
        CHECK(remark(schema).empty());
        CHECK_SAYS(verdict(schema, R"({"a":")" + as + R"("})"), "'/a' breaks 'pattern'");
    }
    INFO("a format is matched as a pattern, too");
    const std::string day = R"({"properties":{"day":{"format":"date"}}})";
    CHECK(verdict(day, R"({"day":"2026-11-27"})") == "fits");
    CHECK_SAYS(verdict(day, R"({"day":")" + std::string(900'000, '1') + R"("})"),
               "'/day' breaks 'maxLength'");
}

TEST_CASE("InputSchema: a pattern that could take too long is refused, with what to write") {
    const auto of_pattern = [](const std::string& pattern) {
        return remark(R"({"properties":{"a":{"pattern":")" + pattern + R"("}}})");
    };
    CHECK_SAYS(of_pattern("(a)\\\\1"), "/properties/a/pattern: 'pattern' refers back to a group");
    CHECK_SAYS(of_pattern("(a{100}){100}"), "more than 1000 elements");
    CHECK_SAYS(of_pattern("[0-9]{1,99999999999999999999}"), "more than 1000 elements");
    CHECK_SAYS(of_pattern("(?=a(?=b))"), "looks ahead too often");
    CHECK_SAYS(of_pattern(std::string(1025, 'a')), "longer than 1024 bytes");
    CHECK_SAYS(of_pattern(std::string(900'000, '(')), "longer than 1024 bytes");
    CHECK(of_pattern("^(\\\\d{1,3}\\\\.){3}\\\\d{1,3}$").empty());

    INFO("the keys of patternProperties are tried one way after the other");
    const auto of_key = [](const std::string& pattern) {
        return remark(R"({"patternProperties":{")" + pattern + R"(":true}})");
    };
    for (const char* good : {"^x-", "^[a-z]+$", "[a-z]+", ".*", "^[a-z]+(-[0-9]+)?$", "^[A-Za-z_]{1,64}$",
                             "^(a|b)$", "^S_[0-9]{3}$"}) {
        CAPTURE(good);
        CHECK(of_key(good).empty());
    }
    for (const char* bad :
         {"(a*)*b", "^(a|a)*b", "^a*a*a*b", "a*a*b", "^a|a*a*b", "^(a?){30}b", "^(a{1,2}){30}$"}) {
        CAPTURE(bad);
        CHECK_SAYS(of_key(bad), "can take too long for a key");
    }
    CHECK(verdict(R"({"patternProperties":{"^[a-z]+[a-z]+$":false}})",
                  R"({")" + std::string(1023, 'a') + R"(!":1})") == "fits");
}

TEST_CASE("InputSchema: deep schemas and contexts at their limits are checked") {
    std::string schema = R"({"type":"object","properties":{"a":{"$ref":"#"}}})", context = "{}";
    for (int i = 0; i < 90; ++i) context = R"({"a":)" + context + "}";
    CHECK(verdict(schema, context) == "fits");
    CHECK_SAYS(verdict(schema, R"({"a":)" + context.substr(0, context.size()) + R"(,"b":1})"), "fits");
}

TEST_CASE("InputSchema: a whole number is an integer however it is written") {
    const std::string schema =
        R"({"properties":{"n":{"type":"integer"},"list":{"items":{"type":"integer"}}}})";
    CHECK(verdict(schema, R"({"n":6.0})") == "fits");
    CHECK(verdict(schema, R"({"n":1e3,"list":[-2.0,0.0]})") == "fits");
    CHECK_SAYS(verdict(schema, R"({"n":6.5})"), "/n");
}
