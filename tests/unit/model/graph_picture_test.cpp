#include "host/model/graph_picture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "host/model/states.hpp"

using namespace tasker::host;
using nlohmann::json;

namespace {

TaskTemplate workflow() {
    return template_from_json(R"({"name":"flow","namespace_name":"n","version":"1","steps":[
        {"name":"start","handler":{"callable":"x.start"}},
        {"name":"route","type":"decision","dependencies":["start"],"handler":{"callable":"x.route"}},
        {"name":"left","dependencies":["route"],"handler":{"callable":"x.left"}},
        {"name":"right","dependencies":["route"],"handler":{"callable":"x.right"}},
        {"name":"join","type":"deferred_convergence","dependencies":["left","right"],"handler":{"callable":"x.join"}},
        {"name":"cut","type":"batchable","dependencies":["start"],"handler":{"callable":"x.cut"}},
        {"name":"work","type":"batch_worker","dependencies":["cut"],"handler":{"callable":"x.work"}},
        {"name":"sum","type":"deferred_convergence","dependencies":["work"],"handler":{"callable":"x.sum"}}]})");
}

std::string state(StepState which) { return std::string(name(which)); }

MadeStep made(std::string step, StepState at, std::vector<std::string> dependencies = {}) {
    return {std::move(step), state(at), 1, 3, std::move(dependencies)};
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

// A chain of `length`, or as many beside each other between one root and one end.
GraphPicture many(std::size_t length, bool chain) {
    GraphPicture out{.title = "many", .nodes = {}};
    for (std::size_t i = 0; i < length; ++i) {
        GraphNode node;
        node.name = "s" + std::to_string(i);
        if (i > 0 && chain) node.parents = {i - 1};
        if (i > 0 && !chain) node.parents = {0};
        out.nodes.push_back(node);
    }
    if (!chain) {
        GraphNode end;
        end.name = "end";
        for (std::size_t i = 1; i < length; ++i) end.parents.push_back(i);
        out.nodes.push_back(end);
    }
    return out;
}

// Good enough for what as_svg() writes: elements open and close in order, attributes are quoted.
bool well_formed(const std::string& xml) {
    std::vector<std::string> open;
    for (std::size_t at = 0; at < xml.size();) {
        if (xml[at] != '<') {
            if (xml[at] == '&' && xml.find(';', at) > at + 6) return false;
            ++at;
            continue;
        }
        const auto end = xml.find('>', at);
        if (end == std::string::npos) return false;
        const std::string tag = xml.substr(at + 1, end - at - 1);
        at = end + 1;
        if (tag.find('<') != std::string::npos || std::count(tag.begin(), tag.end(), '"') % 2 != 0)
            return false;
        if (tag[0] == '/') {
            if (open.empty() || open.back() != tag.substr(1)) return false;
            open.pop_back();
        } else if (tag.back() != '/') {
            open.push_back(tag.substr(0, tag.find(' ')));
        }
    }
    return open.empty();
}

}  // namespace

TEST_CASE("picture: a template as text, a line a step, by layers") {
    CHECK(as_text(picture_of(workflow())) ==
          "n/flow/1 (8 steps)\n"
          "start\n"
          "  route [decision] <- start\n"
          "  cut [batchable] <- start\n"
          "    left <- route\n"
          "    right <- route\n"
          "    work [batch_worker] <- cut\n"
          "      join [deferred_convergence] <- left, right\n"
          "      sum [deferred_convergence] <- work\n");
}

TEST_CASE("picture: a template for Mermaid, each type with its shape, what hangs below a decision dashed") {
    CHECK(as_mermaid(picture_of(workflow())) ==
          "flowchart TD\n"
          "    s0[\"start\"]\n"
          "    s1{\"route\"}\n"
          "    s5[/\"cut\"/]\n"
          "    s2[\"left\"]\n"
          "    s3[\"right\"]\n"
          "    s6[[\"work\"]]\n"
          "    s4{{\"join\"}}\n"
          "    s7{{\"sum\"}}\n"
          "    s0 --> s1\n"
          "    s0 --> s5\n"
          "    s1 -.-> s2\n"
          "    s1 -.-> s3\n"
          "    s5 --> s6\n"
          "    s2 --> s4\n"
          "    s3 --> s4\n"
          "    s6 --> s7\n");
}

TEST_CASE("picture: a task shows what was made with its state, and what was not made of its template") {
    const TaskTemplate flow = workflow();
    const std::vector<MadeStep> steps{
        made("start", StepState::Complete),
        made("route", StepState::Complete, {"start"}),
        made("left", StepState::Error, {"route"}),
        made("join", StepState::Pending, {"left"}),
        made("cut", StepState::Complete, {"start"}),
        made("work_001", StepState::InProgress, {"cut"}),
        made("work_002", StepState::WaitingForRetry, {"cut"}),
    };
    const GraphPicture picture = picture_of("n/flow/1", steps, &flow);
    CHECK(as_text(picture) ==
          "n/flow/1 (9 steps)\n"
          "complete           start\n"
          "complete             route [decision] <- start\n"
          "complete             cut [batchable] <- start\n"
          "error                  left <- route\n" +
              state(StepState::InProgress) + "            work_001 [batch_worker] <- cut\n" +
              state(StepState::WaitingForRetry) + "      work_002 [batch_worker] <- cut\n" +
              "not_made               right <- route\n"
              "pending                  join [deferred_convergence] <- left\n"
              "not_made                 sum [deferred_convergence] <- work_001, work_002\n");
    const std::string mermaid = as_mermaid(picture);
    CHECK(mermaid.find(":::error\n") != std::string::npos);
    CHECK(mermaid.find("classDef error fill:#fee2e2,stroke:#dc2626\n") != std::string::npos);
    CHECK(mermaid.find("classDef not_made fill:#ffffff,stroke:#9ca3af,stroke-dasharray:4 3\n") !=
          std::string::npos);
    CHECK(count(mermaid, "classDef ") == 6);
}

TEST_CASE("picture: without its template a task shows what was made, and an unknown state names no class") {
    const std::vector<MadeStep> steps{made("a", StepState::Complete), {"b", "x:::y\n", 2, 3, {"a", "gone"}}};
    CHECK(as_text(picture_of("t", steps, nullptr)) ==
          "t (2 steps)\ncomplete  a\nunknown     b (attempt 2/3) <- a\n");
}

TEST_CASE("picture: Markdown has the diagram and a table, or the diagram alone") {
    const auto picture = picture_of(workflow());
    const std::string whole = as_markdown(picture, false);
    CHECK(whole.starts_with("# n/flow/1\n\n8 steps.\n\n```mermaid\nflowchart TD\n"));
    CHECK(whole.find("| join | deferred\\_convergence | x.join | left, right |\n") != std::string::npos);
    CHECK(whole.find("| start | standard | x.start | - |\n") != std::string::npos);
    CHECK(as_markdown(picture, true) == "```mermaid\n" + as_mermaid(picture) + "```\n");
}

TEST_CASE("picture: JSON names nodes with layers, and edges") {
    const json graph = json::parse(as_json(picture_of(workflow())));
    CHECK(graph["title"] == "n/flow/1");
    CHECK(graph["nodes"].size() == 8);
    CHECK(graph["nodes"][4] ==
          json::parse(R"({"name":"join","type":"deferred_convergence","callable":"x.join",
        "state":null,"layer":3,"depends_on":["left","right"]})"));
    CHECK(graph["edges"].size() == 8);
    CHECK(graph["edges"][0] == json::parse(R"({"from":"start","to":"route"})"));
}

TEST_CASE("picture: SVG is well-formed, has every step and edge, and a shape for each type") {
    const std::string svg = as_svg(picture_of(workflow()));
    CHECK(well_formed(svg));
    CHECK(count(svg, "<path ") == 8);
    CHECK(count(svg, "<title>") == 8);
    CHECK(count(svg, "class=\"n\"") == 8);
    CHECK(count(svg, "stroke-dasharray") == 2);
    CHECK(svg.find("<title>cut (batchable) - x.cut</title>") != std::string::npos);
    CHECK(svg.find("http") == svg.find("http://www.w3.org/2000/svg"));
    CHECK_FALSE(well_formed("<a><b></a></b>"));
}

TEST_CASE("picture: names from outside steer no format") {
    GraphPicture picture{.title = "<t> \"q\" | # \x1b[2J", .nodes = {}};
    GraphNode node;
    node.name = "a\"]; click s0 \"x\" | <script>alert('1')</script> # `b` \n- \xC2\x9B c";
    picture.nodes.push_back(node);
    const std::string svg = as_svg(picture);
    CHECK(well_formed(svg));
    CHECK(svg.find("<script") == std::string::npos);
    const std::string mermaid = as_mermaid(picture);
    CHECK(count(mermaid, "\n") == 2);
    CHECK(count(mermaid, "\"") == 2);
    CHECK(mermaid.find('<') == std::string::npos);
    for (const std::string& text : {svg, mermaid, as_text(picture), as_markdown(picture, false)}) {
        CHECK(text.find('\x1b') == std::string::npos);
        CHECK(text.find('\x0b') == std::string::npos);
    }
    CHECK(as_text(picture).find("\xC2\x9B") == std::string::npos);
    CHECK(count(as_text(picture), "\n") == 2);
    CHECK(json::parse(as_json(picture))["nodes"][0]["name"] == node.name);
}

TEST_CASE("picture: equal steps are drawn as one where there are too many, and only there") {
    CHECK(condensed(many(100, false), kReadableNodes).nodes.size() == 101);
    const GraphPicture fan = condensed(many(1001, false), kReadableNodes);
    REQUIRE(fan.nodes.size() == 3);
    CHECK(fan.nodes[1].merged == 1000);
    CHECK(fan.nodes[1].name == "s1 to s1000");
    CHECK(fan.nodes[2].parents == std::vector<std::size_t>{1});
    CHECK(as_text(fan) ==
          "many (1002 steps)\ns0\n  s1 to s1000 (1000 steps) <- s0\n    end <- s1 to s1000\n");
    GraphPicture states = many(1001, false);
    for (std::size_t i = 1; i <= 1000; ++i)
        states.nodes[i].state = state(i < 7 ? StepState::Error : StepState::Complete);
    CHECK(condensed(states, kReadableNodes).nodes.size() == 4);
}

TEST_CASE("picture: a thousand steps that differ are still drawn, whole") {
    const GraphPicture chain = condensed(many(1000, true), kReadableNodes);
    CHECK(chain.nodes.size() == 1000);
    CHECK(layers_of(chain).back() == 999);
    const std::string svg = as_svg(chain);
    CHECK(well_formed(svg));
    CHECK(count(svg, "<path ") == 999);
    CHECK(as_mermaid(chain).find("%% 999 edges: raise maxEdges") != std::string::npos);
    CHECK(count(as_text(chain), "\n") == 1001);
}

TEST_CASE("picture: more edges than an eye or a browser takes are counted instead of drawn") {
    GraphPicture dense{.title = "dense", .nodes = {}};
    for (std::size_t i = 0; i < 400; ++i) {
        GraphNode node;
        node.name = "s" + std::to_string(i);
        if (i >= 200) {
            for (std::size_t parent = 0; parent < 200; ++parent) node.parents.push_back(parent);
        }
        dense.nodes.push_back(node);
    }
    const std::string svg = as_svg(dense);
    CHECK(svg.find("40000 edges are not drawn") != std::string::npos);
    CHECK(count(svg, "<path ") == 0);
    CHECK(count(as_svg(condensed(dense, kReadableNodes)), "<path ") == 1);
}

TEST_CASE("picture: nothing at all, and a cycle, are drawn too") {
    CHECK(as_text({.title = "empty", .nodes = {}}) == "empty (0 steps)\n");
    CHECK(well_formed(as_svg({.title = "empty", .nodes = {}})));
    GraphPicture cycle = many(2, true);
    cycle.nodes[0].parents = {1};
    CHECK(layers_of(cycle) == std::vector<std::size_t>{0, 0});
    CHECK(well_formed(as_svg(cycle)));
}
