#include "host/templates/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <unordered_map>
#include <utility>

namespace tasker::host {

namespace {

Position position(const YAML::Mark& mark) {
    return mark.is_null() ? Position{} : Position{mark.line + 1, mark.column + 1};
}

// Ends the parse; what was wrong has been recorded.
struct Stop {};

// Budgets are checked at each event, before the parser goes deeper: its own recursion stays at max_depth.
class TreeBuilder final : public YAML::EventHandler {
  public:
    TreeBuilder(std::string_view text, const TemplateOptions& limits, Findings& findings)
        : text_(text), limits_(limits), findings_(findings) {}

    YamlTree take() { return std::move(tree_); }
    bool empty() const { return !started_ || tree_[tree_.root].kind == YamlNode::Kind::Null; }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (std::exchange(started_, true)) {
            stop("MULTIPLE_DOCUMENTS", mark,
                 "one document per file: move what follows '---' to a file of its own");
        }
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        if (wants_key()) stop("BAD_KEY", mark, "a key must be a text");
        leaf({.kind = YamlNode::Kind::Null, .at = position(mark)}, mark, anchor);
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override;
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value /*style*/) override {
        open(YamlNode::Kind::List, mark, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value /*style*/) override {
        open(YamlNode::Kind::Map, mark, tag, anchor);
    }
    void OnMapEnd() override { close(); }

  private:
    // What one occurrence of a node costs a walk.
    struct Cost {
        std::size_t nodes = 1, bytes = 0, height = 0;
        bool closed = true;
    };
    struct Frame {
        NodeId node = 0;
        bool is_map = false;
        std::optional<YamlMember> pending;  // the key whose value comes next
        bool keep = true;                   // false: the key is a duplicate or refused, its value is dropped
        bool is_key = false;  // a list or map where a key belongs: refused once it is known to end
        std::unordered_map<std::string, Position> keys;
        Cost cost;
    };

    bool wants_key() const { return !stack_.empty() && stack_.back().is_map && !stack_.back().pending; }
    [[noreturn]] void stop(std::string code, const YAML::Mark& mark, std::string message) {
        findings_.fatal(std::move(code), position(mark), {}, std::move(message));
        throw Stop{};
    }
    void refuse_tag(const YAML::Mark& mark, const std::string& tag);
    void refuse_open_quote(const YAML::Mark& mark);
    void check_depth(const YAML::Mark& mark, std::size_t height);
    void take_key(const YAML::Mark& mark, const std::string& key, bool quoted);
    void attach(NodeId id, const Cost& cost);
    void leaf(YamlNode node, const YAML::Mark& mark, YAML::anchor_t anchor);
    void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor);
    void close();
    NodeId add(YamlNode node, const YAML::Mark& mark, YAML::anchor_t anchor, const Cost& cost);

    const std::string_view text_;
    const TemplateOptions& limits_;
    Findings& findings_;
    YamlTree tree_;
    std::vector<Frame> stack_;
    std::vector<Cost> costs_;  // by NodeId
    std::unordered_map<YAML::anchor_t, NodeId> anchors_;
    std::size_t nodes_ = 0, bytes_ = 0, aliases_ = 0;  // of the document with its aliases expanded
    bool started_ = false;
};

void TreeBuilder::refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    findings_.error("TAG_NOT_ALLOWED", position(mark), {},
                    "tag not allowed: " + shown(tag) + "; a template is plain data, remove the tag");
}

// The library takes the end of the file for the end of a quoted text: one quote too few swallows the rest of the
// template. The mark leads to the text, or to the anchor and tag before it.
void TreeBuilder::refuse_open_quote(const YAML::Mark& mark) {
    constexpr std::string_view kBlank = " \t\r\n";
    std::size_t at = mark.is_null() ? text_.size() : static_cast<std::size_t>(mark.pos);
    while (at < text_.size() && (text_[at] == '&' || text_[at] == '!' || text_[at] == '#')) {
        at = text_.find_first_of(text_[at] == '#' ? "\r\n" : kBlank, at);
        at = text_.find_first_not_of(kBlank, at);
    }
    if (at >= text_.size() || (text_[at] != '"' && text_[at] != '\'')) return;
    const char quote = text_[at];
    for (std::size_t i = at + 1; i < text_.size(); ++i) {
        if (quote == '"' && text_[i] == '\\') {
            ++i;
        } else if (text_[i] == quote) {
            if (quote == '"' || i + 1 == text_.size() || text_[i + 1] != quote) return;
            ++i;
        }
    }
    const std::string_view before = text_.substr(0, at);
    const auto line_start = before.rfind('\n');
    const Position opened{
        .line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n')),
        .column = static_cast<int>(at - (line_start == std::string_view::npos ? 0 : line_start + 1)) + 1};
    findings_.fatal("UNCLOSED_QUOTE", opened, {},
                    std::string("the quote ") + quote +
                        " that opens here is never closed: all that follows became its text");
    throw Stop{};
}

void TreeBuilder::check_depth(const YAML::Mark& mark, std::size_t height) {
    if (stack_.size() + height > limits_.max_depth) {
        stop("TOO_DEEP", mark, "nesting deeper than " + std::to_string(limits_.max_depth));
    }
}

void TreeBuilder::take_key(const YAML::Mark& mark, const std::string& key, bool quoted) {
    Frame& frame = stack_.back();
    const Position at = position(mark);
    frame.pending = YamlMember{.key = key, .at = at, .value = 0};
    frame.keep = true;
    if (key == "<<" && !quoted) {
        findings_.error("MERGE_KEY", at, {}, "merge keys (<<) are not supported: write the keys out");
        frame.keep = false;
        return;
    }
    const auto [first, fresh] = frame.keys.emplace(key, at);
    if (!fresh) {
        findings_.error("DUPLICATE_KEY", at, {},
                        "duplicate key " + shown(key) + ": lines " + std::to_string(first->second.line) +
                            " and " + std::to_string(at.line) + "; keep one");
        frame.keep = false;
    }
}

NodeId TreeBuilder::add(YamlNode node, const YAML::Mark& mark, YAML::anchor_t anchor, const Cost& cost) {
    if (++nodes_ > limits_.max_nodes) {
        stop("TOO_MANY_NODES", mark,
             "more than " + std::to_string(limits_.max_nodes) + " values; split the template");
    }
    bytes_ += cost.bytes;
    const NodeId id = tree_.add(std::move(node));
    costs_.push_back(cost);
    if (anchor != YAML::NullAnchor) anchors_[anchor] = id;
    return id;
}

// Puts a finished node where the enclosing list or map expects it.
void TreeBuilder::attach(NodeId id, const Cost& cost) {
    if (stack_.empty()) {
        tree_.root = id;
        return;
    }
    Frame& frame = stack_.back();
    frame.cost.nodes += cost.nodes;
    frame.cost.bytes += cost.bytes;
    frame.cost.height = std::max(frame.cost.height, cost.height + 1);
    if (!frame.is_map) {
        tree_[frame.node].items.push_back(id);
        return;
    }
    if (frame.keep) {
        frame.pending->value = id;
        frame.cost.bytes += frame.pending->key.size();
        bytes_ += frame.pending->key.size();
        tree_[frame.node].members.push_back(std::move(*frame.pending));
    }
    frame.pending.reset();
}

void TreeBuilder::leaf(YamlNode node, const YAML::Mark& mark, YAML::anchor_t anchor) {
    const Cost cost{.nodes = 1, .bytes = node.text.size(), .height = 0, .closed = true};
    attach(add(std::move(node), mark, anchor, cost), cost);
}

void TreeBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                           const std::string& value) {
    refuse_tag(mark, tag);
    if (tag != "?") refuse_open_quote(mark);
    if (value.find('\0') != std::string::npos) {
        findings_.error("NUL_CHARACTER", position(mark), {}, "a text holds a NUL character (\\0); remove it");
    }
    const bool quoted = tag != "?";
    if (wants_key()) {
        // An anchor on a key is legal and rare: the node is kept for its aliases only.
        if (anchor != YAML::NullAnchor) {
            add({.kind = YamlNode::Kind::Scalar, .at = position(mark), .quoted = quoted, .text = value}, mark,
                anchor, {.nodes = 1, .bytes = value.size(), .height = 0, .closed = true});
        }
        take_key(mark, value, quoted);
        return;
    }
    leaf({.kind = YamlNode::Kind::Scalar, .at = position(mark), .quoted = quoted, .text = value}, mark,
         anchor);
}

void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end() || !costs_[found->second].closed) {
        stop("BAD_ALIAS", mark, "an alias inside of its own anchor has no end");
    }
    const NodeId target = found->second;
    const Cost& cost = costs_[target];
    if (++aliases_ > limits_.max_aliases) {
        stop("ALIAS_BUDGET", mark,
             "alias budget: more than " + std::to_string(limits_.max_aliases) + " aliases");
    }
    nodes_ += cost.nodes;
    bytes_ += cost.bytes;
    if (nodes_ > limits_.max_nodes || bytes_ > limits_.max_file_bytes) {
        stop("ALIAS_BUDGET", mark,
             "alias budget: written out, the aliases give more than " + std::to_string(limits_.max_nodes) +
                 " values or " + std::to_string(limits_.max_file_bytes) + " bytes");
    }
    check_depth(mark, cost.height);
    if (!wants_key()) {
        attach(target, cost);
        return;
    }
    if (tree_[target].kind != YamlNode::Kind::Scalar) stop("BAD_KEY", mark, "a key must be a text");
    take_key(mark, tree_[target].text, true);
}

void TreeBuilder::open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t anchor) {
    const bool is_key = wants_key();
    check_depth(mark, 1);
    refuse_tag(mark, tag);
    const NodeId id = add({.kind = kind, .at = position(mark)}, mark, anchor, {.closed = false});
    Frame frame;
    frame.node = id;
    frame.is_map = kind == YamlNode::Kind::Map;
    frame.is_key = is_key;
    frame.cost.height = 1;
    stack_.push_back(std::move(frame));
}

void TreeBuilder::close() {
    const Frame frame = std::move(stack_.back());
    stack_.pop_back();
    costs_[frame.node] = frame.cost;
    if (frame.is_key) {
        findings_.error("BAD_KEY", tree_[frame.node].at, {}, "a key must be a text, not a list or a map");
        stack_.back().pending = YamlMember{};
        stack_.back().keep = false;
        return;
    }
    attach(frame.node, frame.cost);
}

// The scanner may read the whole file ahead before its first event. A file of nothing but opening brackets is told
// apart here at once; the factor keeps brackets in texts out of it.
std::optional<Position> too_many_brackets(std::string_view text, std::size_t max_depth) {
    constexpr std::size_t kFactor = 16;
    std::size_t open = 0;
    Position at{.line = 1, .column = 0};
    for (const char c : text) {
        ++at.column;
        if (c == '\n') at = {.line = at.line + 1, .column = 0};
        if (c == '[' || c == '{') ++open;
        if ((c == ']' || c == '}') && open > 0) --open;
        if (open > kFactor * max_depth) return at;
    }
    return std::nullopt;
}

// The tab that stands in the indentation of the line where reading ended.
std::optional<Position> indenting_tab(std::string_view text, Position at) {
    for (int line = 1; line < at.line; ++line) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) return std::nullopt;
        text.remove_prefix(end + 1);
    }
    const auto blanks = text.substr(0, text.find_first_not_of(" \t"));
    const auto tab = blanks.find('\t');
    if (at.line < 1 || tab == std::string_view::npos) return std::nullopt;
    return Position{.line = at.line, .column = static_cast<int>(tab) + 1};
}

// The library's words for what people do most often, turned into a remedy.
std::string explained(const YAML::Exception& error) {
    std::string reason = error.msg;
    if (reason == YAML::ErrorMsg::UNKNOWN_ANCHOR) return "an alias without an anchor of that name before it";
    if (reason == YAML::ErrorMsg::END_OF_MAP)
        return "not YAML: a line is indented differently than its neighbours";
    return "not YAML: " + reason;
}

}  // namespace

NodeId YamlTree::add(YamlNode node) {
    nodes_.push_back(std::move(node));
    return static_cast<NodeId>(nodes_.size() - 1);
}

const YamlMember* YamlTree::find(NodeId map, std::string_view key) const {
    const auto& members = nodes_[map].members;
    const auto found = std::find_if(members.begin(), members.end(),
                                    [&](const YamlMember& member) { return member.key == key; });
    return found == members.end() ? nullptr : &*found;
}

std::optional<YamlTree> parse_yaml(const std::string& text, const TemplateOptions& limits,
                                   Findings& findings) {
    if (const auto at = too_many_brackets(text, limits.max_depth)) {
        findings.fatal("TOO_DEEP", *at, {}, "nesting deeper than " + std::to_string(limits.max_depth));
        return std::nullopt;
    }
    TreeBuilder builder(text, limits, findings);
    try {
        std::istringstream stream(text);
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const Stop&) {
        return std::nullopt;
    } catch (const YAML::Exception& error) {
        const auto tab = indenting_tab(text, position(error.mark));
        findings.fatal("SYNTAX", tab.value_or(position(error.mark)), {},
                       tab ? "a tab in the indentation: use spaces" : explained(error));
        return std::nullopt;
    }
    if (builder.empty()) {
        findings.error("EMPTY_TEMPLATE", {1, 1}, {}, "empty template: the file holds no keys");
        return std::nullopt;
    }
    return builder.take();
}

}  // namespace tasker::host
