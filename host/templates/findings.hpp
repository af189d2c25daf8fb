#pragma once
// What was found wrong in one file, collected while checking goes on. Bounded: a hostile file gets neither an
// endless report nor an expensive search for suggestions.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/templates/template_loader.hpp"

namespace tasker::host {

// From 1; line 0 is the file as a whole.
struct Position {
    int line = 0;
    int column = 0;
};

// At most `max` bytes of it, cut between characters; "..." stands for the rest.
std::string shortened(std::string_view text, std::size_t max = 80);
// The value as a message shows it: 'text', shortened.
std::string shown(std::string_view text);

class Findings {
  public:
    explicit Findings(std::string file) : file_(std::move(file)) {}

    void error(std::string code, Position at, std::string path, std::string message) {
        add(Severity::Error, std::move(code), at, std::move(path), std::move(message));
    }
    // The reason why checking ended; never among those left out.
    void fatal(std::string code, Position at, std::string path, std::string message);
    void warning(std::string code, Position at, std::string path, std::string message) {
        add(Severity::Warning, std::move(code), at, std::move(path), std::move(message));
    }
    void info(std::string code, Position at, std::string path, std::string message) {
        add(Severity::Info, std::move(code), at, std::move(path), std::move(message));
    }

    // did_you_mean() until this file has used up its share of comparisons, then nothing.
    std::string suggest(std::string_view word, std::span<const std::string> candidates);

    const std::string& file() const { return file_; }
    bool has_errors() const { return has_errors_; }
    // Ends the collection; a last entry tells how many were left out.
    std::vector<Diagnostic> take();

  private:
    void add(Severity severity, std::string code, Position at, std::string path, std::string message);

    std::string file_;
    std::vector<Diagnostic> found_;
    std::size_t left_out_ = 0;
    std::size_t compared_ = 0;
    bool has_errors_ = false;
};

}  // namespace tasker::host
