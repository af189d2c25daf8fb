#include "host/core/json_view.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

using namespace tasker::host;

TEST_CASE("JSON view: members come in order as views of their text") {
    const std::string text = R"( { "a" : 1 , "b":[1,{"x":"}"}], "c\"d" : "e,]" , "f":{} } )";
    std::string seen;
    for (JsonWalk walk(text); walk.next();)
        seen += std::string(walk.raw_key()) + "=" + std::string(walk.value()) + ";";
    CHECK(seen == R"(a=1;b=[1,{"x":"}"}];c\"d="e,]";f={};)");
}

TEST_CASE("JSON view: items of an array, none of an empty one and none of a scalar") {
    std::string seen;
    for (JsonWalk walk("[1, \"two\" ,[3],null]"); walk.next();) seen += std::string(walk.value()) + ";";
    CHECK(seen == "1;\"two\";[3];null;");
    CHECK_FALSE(JsonWalk("[]").next());
    CHECK_FALSE(JsonWalk("{ }").next());
    CHECK_FALSE(JsonWalk("\"text\"").next());
    CHECK_FALSE(JsonWalk("").next());
}

TEST_CASE("JSON view: a member is found by name, an escaped name too") {
    const std::string text = R"({"k\u0065y":"a\nb\u00e9\ud83d\ude00","n":7})";
    CHECK(json_string_member(text, "key") == "a\nb\u00e9\U0001F600");
    CHECK(json_member(text, "n") == "7");
    CHECK_FALSE(json_string_member(text, "n"));
    CHECK_FALSE(json_member(text, "nothing"));
    CHECK_FALSE(json_member("[1]", "0"));
}

TEST_CASE("JSON view: a lone surrogate becomes the replacement character") {
    CHECK(json_unescape(R"("\ud800x")") == "\uFFFDx");
    CHECK(json_unescape(R"("\udc00")") == "\uFFFD");
}

TEST_CASE("JSON view: walking broken text ends and stays inside of it") {
    std::mt19937 random(5);
    const std::string valid = R"({"a":[1,2,{"b":"c\\\"d"}],"e":"\u0041","f":{"g":null}})";
    for (int i = 0; i < 20'000; ++i) {
        std::string text = valid.substr(0, random() % (valid.size() + 1));
        for (auto n = random() % 3; n > 0 && !text.empty(); --n)
            text[random() % text.size()] = "{}[]\",:\\ "[random() % 9];
        // A copy on the heap of exactly that size, so that a sanitizer sees one byte too many.
        const std::vector<char> exact(text.begin(), text.end());
        const std::string_view view(exact.data(), exact.size());
        int steps = 0;
        for (JsonWalk walk(view); walk.next();) {
            REQUIRE(++steps < 1000);
            static_cast<void>(json_unescape(walk.value()));
        }
    }
}
