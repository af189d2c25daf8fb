#include "host/supervisor/folder_scan.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "host/core/durable_file.hpp"
#include "host/core/error.hpp"
#include "host/core/wakeup.hpp"

namespace tasker::host {

FolderScan::FolderScan(FolderScanOptions options, const Clock& clock, Random& random)
    : options_(std::move(options)), clock_(clock), random_(random) {}

FolderScan::~FolderScan() = default;

void FolderScan::begin() {
    if (child_) return;
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        throw Error(std::string("cannot look at the folders: ") + std::strerror(errno));
    output_ = OwnedFd(ends[0]);
    const OwnedFd theirs(ends[1]);
    ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
    ChildProgram program = options_.program;
    program.arguments.push_back("--kept=" + options_.kept.string());
    program.output = theirs.get();
    text_.clear();
    killed_.clear();
    child_ = std::make_unique<ChildProcess>(program, random_.next());
    due_ms_ = clock_.steady_ms() + options_.within_ms;
}

void FolderScan::wait_for(std::vector<pollfd>& on) const {
    if (!child_) return;
    on.push_back({child_->end_fd(), POLLIN, 0});
    if (output_) on.push_back({output_.get(), POLLIN, 0});
}

void FolderScan::read() {
    std::array<char, 65536> some;
    while (output_) {
        const auto got = ::read(output_.get(), some.data(), some.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return;
        if (got == 0 || text_.size() > kMostBytes) {
            output_ = OwnedFd();
            return;
        }
        text_.append(some.data(), static_cast<std::size_t>(got));
    }
}

// What was found is used all the same when it cannot be kept: then a broken file has no earlier version.
void FolderScan::keep(const std::string& document) const {
    try {
        write_durably(options_.kept, document);
    } catch (const Error&) {
        return;
    }
}

std::optional<FolderContents> FolderScan::kept() const {
    const auto document = read_whole(options_.kept);
    return document ? contents_from(*document) : std::nullopt;
}

std::optional<std::variant<FolderContents, FolderScan::Failure>> FolderScan::turn() {
    if (!child_) return std::nullopt;
    read();
    const auto end = child_->reap();
    if (!end) {
        if (clock_.steady_ms() >= due_ms_) {
            killed_ = "it took longer than " + std::to_string(options_.within_ms) + " ms";
            child_->signal(SIGKILL);
            due_ms_ = kNever;
        }
        return std::nullopt;
    }
    read();
    output_ = OwnedFd();
    child_.reset();
    due_ms_ = kNever;
    const std::string document = std::exchange(text_, {});
    if (!killed_.empty()) return Failure{killed_};
    if (!end->exited || end->code != 0) return Failure{"the scan ended with " + end->text()};
    auto contents = contents_from(document);
    if (!contents) return Failure{"the scan's document cannot be read"};
    keep(document);
    return std::move(*contents);
}

}  // namespace tasker::host
