// A graph as a drawing: layers from top to bottom, within a layer ordered so that edges cross little.
#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <utility>

#include "host/model/graph_picture.hpp"

namespace tasker::host {

namespace {

constexpr int kBoxWidth = 190, kBoxHeight = 44, kGapX = 26, kGapY = 46, kMargin = 24, kTitle = 34,
              kLegend = 40;
constexpr std::size_t kRow = 16;            // boxes beside each other; a wider layer goes on in further rows
constexpr std::size_t kMostEdges = 20'000;  // a drawing with more is no picture, and large
constexpr std::size_t kLabel = 24;          // characters

// Text of an element or attribute; what XML 1.0 cannot hold becomes '?'.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
        }
    }
    return out;
}

// At most so many characters, cut between them.
std::string label(std::string_view text, std::size_t most) {
    std::size_t characters = 0, end = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U) continue;
        if (++characters == most) end = i;
    }
    return characters <= most ? std::string(text) : std::string(text.substr(0, end)) + "\xE2\x80\xA6";
}

struct Place {
    int x = 0, y = 0;  // of the box's left upper corner
};

class Layout {
  public:
    explicit Layout(const GraphPicture& picture) : picture_(picture), places_(picture.nodes.size()) {
        const auto layers = layers_of(picture);
        for (std::size_t i = 0; i < layers.size(); ++i) {
            if (layers[i] >= layers_.size()) layers_.resize(layers[i] + 1);
            layers_[layers[i]].push_back(i);
        }
        order();
        place();
    }

    const Place& of(std::size_t node) const { return places_[node]; }
    int width = 0, height = 0;

  private:
    // Each layer by the mean position of its parents: two sweeps are enough for what people draw.
    void order() {
        std::vector<double> position(picture_.nodes.size(), 0);
        for (int sweep = 0; sweep < 2; ++sweep) {
            for (auto& layer : layers_) {
                std::stable_sort(layer.begin(), layer.end(), [&](std::size_t a, std::size_t b) {
                    return mean(a, position) < mean(b, position);
                });
                const double step = 1.0 / static_cast<double>(layer.size() + 1);
                for (std::size_t i = 0; i < layer.size(); ++i)
                    position[layer[i]] = step * static_cast<double>(i + 1);
            }
        }
    }

    double mean(std::size_t node, const std::vector<double>& position) const {
        const auto& parents = picture_.nodes[node].parents;
        if (parents.empty()) return position[node];
        const double sum =
            std::accumulate(parents.begin(), parents.end(), 0.0,
                            [&](double all, std::size_t parent) { return all + position[parent]; });
        return sum / static_cast<double>(parents.size());
    }

    void place() {
        std::size_t widest = 1;
        for (const auto& layer : layers_) widest = std::max(widest, std::min(layer.size(), kRow));
        const auto span = [](std::size_t boxes) {
            return static_cast<int>(boxes) * (kBoxWidth + kGapX) - kGapX;
        };
        width = span(widest) + 2 * kMargin;
        int y = kMargin + kTitle;
        for (const auto& layer : layers_) {
            for (std::size_t from = 0; from < layer.size(); from += kRow) {
                const std::size_t boxes = std::min(kRow, layer.size() - from);
                int x = (width - span(boxes)) / 2;
                for (std::size_t i = from; i < from + boxes; ++i, x += kBoxWidth + kGapX)
                    places_[layer[i]] = {x, y};
                y += kBoxHeight + kGapY;
            }
        }
        height = y - kGapY + kLegend;
    }

    const GraphPicture& picture_;
    std::vector<std::vector<std::size_t>> layers_;
    std::vector<Place> places_;
};

std::string number(int value) { return std::to_string(value); }

// The outline that tells the type of a step.
std::string shape(StepType type, const Place& at) {
    const int left = at.x, right = at.x + kBoxWidth, top = at.y, bottom = at.y + kBoxHeight;
    const int middle = at.y + kBoxHeight / 2, slant = 14;
    const auto polygon = [](std::initializer_list<std::pair<int, int>> points) {
        std::string out = "<polygon points=\"";
        for (const auto& [x, y] : points) out += number(x) + "," + number(y) + " ";
        out.back() = '"';
        return out;
    };
    const auto box = [&](int round) {
        return "<rect x=\"" + number(left) + "\" y=\"" + number(top) + "\" width=\"" + number(kBoxWidth) +
               "\" height=\"" + number(kBoxHeight) + "\" rx=\"" + number(round) + "\"";
    };
    switch (type) {
        case StepType::Standard:
            return box(6);
        case StepType::Decision: {
            const int centre = at.x + kBoxWidth / 2;
            return polygon(
                {{left - 8, middle}, {centre, top - 8}, {right + 8, middle}, {centre, bottom + 8}});
        }
        case StepType::DeferredConvergence:
            return polygon({{left, middle},
                            {left + slant, top},
                            {right - slant, top},
                            {right, middle},
                            {right - slant, bottom},
                            {left + slant, bottom}});
        case StepType::Batchable:
            return polygon({{left + slant, top}, {right, top}, {right - slant, bottom}, {left, bottom}});
        case StepType::BatchWorker:
            return box(22);
    }
    return box(6);
}

std::string drawn_node(const GraphNode& node, const Place& at) {
    const StateColours colours = colours_of(node.state);
    std::string title = node.name + " (" + std::string(name(node.type)) + ")";
    if (!node.callable.empty()) title += " - " + node.callable;
    if (!node.state.empty()) title += " - " + node.state;
    std::string second = node.merged > 1 ? std::to_string(node.merged) + " steps" : node.detail;
    if (second.empty()) second = node.state.empty() ? node.callable : node.state;
    const auto line = [&](int y, std::string_view css, std::string_view text) {
        return "<text x=\"" + number(at.x + kBoxWidth / 2) + "\" y=\"" + number(y) + "\" class=\"" +
               std::string(css) + "\">" + escaped(label(text, kLabel)) + "</text>";
    };
    std::string out = "<g><title>" + escaped(title) + "</title>" + shape(node.type, at) + " fill=\"" +
                      std::string(colours.fill) + "\" stroke=\"" + std::string(colours.line) + "\"" +
                      (node.state == kNotMade ? " stroke-dasharray=\"4 3\"" : "") + "/>";
    out += line(at.y + (second.empty() ? 27 : 20), "n", node.name);
    if (!second.empty()) out += line(at.y + 35, "d", second);
    return out + "</g>\n";
}

std::string drawn_edge(const Place& from, const Place& to, bool dashed) {
    const int x1 = from.x + kBoxWidth / 2, y1 = from.y + kBoxHeight, x2 = to.x + kBoxWidth / 2, y2 = to.y - 2;
    const int bend = std::max((y2 - y1) / 2, 12);
    return "<path d=\"M" + number(x1) + " " + number(y1) + "C" + number(x1) + " " + number(y1 + bend) + " " +
           number(x2) + " " + number(y2 - bend) + " " + number(x2) + " " + number(y2) + "\"" +
           (dashed ? " stroke-dasharray=\"4 3\"" : "") + "/>\n";
}

std::string legend(const GraphPicture& picture, int y) {
    std::set<std::string> states;
    for (const GraphNode& node : picture.nodes) {
        if (!node.state.empty()) states.insert(node.state);
    }
    std::string out;
    int x = kMargin;
    for (const std::string& state : states) {
        const StateColours colours = colours_of(state);
        out += "<rect x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"12\" height=\"12\" fill=\"" +
               std::string(colours.fill) + "\" stroke=\"" + std::string(colours.line) + "\"/><text x=\"" +
               number(x + 18) + "\" y=\"" + number(y + 10) + "\" class=\"l\">" + escaped(state) + "</text>\n";
        x += 40 + 7 * static_cast<int>(state.size());
    }
    return out;
}

}  // namespace

std::string as_svg(const GraphPicture& picture) {
    const Layout layout(picture);
    std::size_t edges = 0;
    for (const GraphNode& node : picture.nodes) edges += node.parents.size();
    std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(layout.width) +
                      "\" height=\"" + number(layout.height) + "\" viewBox=\"0 0 " + number(layout.width) +
                      " " + number(layout.height) +
                      "\" font-family=\"sans-serif\">\n<style>.n{font-size:13px;text-anchor:middle}"
                      ".d{font-size:10px;text-anchor:middle;fill:#4b5563}.l{font-size:11px}"
                      "path{fill:none;stroke:#6b7280}</style>\n"
                      "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n<defs><marker id=\"a\" "
                      "viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" "
                      "orient=\"auto\"><polygon points=\"0,0 8,4 0,8\" fill=\"#6b7280\"/></marker></defs>\n";
    out += "<text x=\"" + number(kMargin) + "\" y=\"" + number(kMargin + 6) + "\" font-size=\"15\">" +
           escaped(picture.title) + "</text>\n";
    if (edges > kMostEdges) {
        out += "<text x=\"" + number(kMargin) + "\" y=\"" + number(kMargin + 24) + "\" class=\"l\">" +
               std::to_string(edges) + " edges are not drawn</text>\n";
    } else {
        out += "<g marker-end=\"url(#a)\">\n";
        for (std::size_t i = 0; i < picture.nodes.size(); ++i) {
            const GraphNode& node = picture.nodes[i];
            for (const std::size_t parent : node.parents) {
                const bool dashed = node.state == kNotMade ||
                                    (node.state.empty() && picture.nodes[parent].type == StepType::Decision);
                out += drawn_edge(layout.of(parent), layout.of(i), dashed);
            }
        }
        out += "</g>\n";
    }
    for (std::size_t i = 0; i < picture.nodes.size(); ++i) out += drawn_node(picture.nodes[i], layout.of(i));
    return out + legend(picture, layout.height - kLegend + 16) + "</svg>\n";
}

}  // namespace tasker::host
