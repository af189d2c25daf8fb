#include "host/core/flight_recorder.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "host/core/error.hpp"
#include "host/core/flight_file.hpp"

namespace tasker::host {

namespace {
constexpr std::uintptr_t kPage = 4096;
// Beyond the guard: a function with large arrays steps over it.
constexpr std::uintptr_t kStride = std::uintptr_t{64} << 10U;

static_assert(std::atomic_ref<std::uint32_t>::is_always_lock_free);
static_assert(std::atomic<std::int32_t>::is_always_lock_free);

std::int32_t this_thread() noexcept { return static_cast<std::int32_t>(::syscall(SYS_gettid)); }

template <std::size_t Size>
std::uint8_t put(std::array<char, Size>& to, std::string_view text) noexcept {
    static_assert(Size < 256);
    const std::size_t size = std::min(text.size(), Size);
    std::memcpy(to.data(), text.data(), size);
    return static_cast<std::uint8_t>(size);
}

[[noreturn]] void fail(const std::filesystem::path& file, const char* what) {
    throw Error("the flight recorder " + file.string() + " cannot be " + what + ": " + std::strerror(errno),
                "check the free space and the permissions of its folder");
}

// Made and locked under another name, so that nobody takes it for what a dead process left.
class Scaffold {
  public:
    explicit Scaffold(const std::filesystem::path& file)
        : path_(file.parent_path() / ("." + file.filename().string())) {}
    ~Scaffold() { ::unlink(path_.c_str()); }
    Scaffold(const Scaffold&) = delete;
    Scaffold& operator=(const Scaffold&) = delete;
    const char* path() const { return path_.c_str(); }

  private:
    const std::filesystem::path path_;
};
}  // namespace

FlightRecorder::FlightRecorder(FlightRecorderOptions options)
    : options_(std::move(options)),
      pid_(::getpid()),
      seats_(std::clamp<std::uint32_t>(options_.slots, 1, kMaxFlightSlots)) {
    make_file();
}

void FlightRecorder::make_file() {
    const std::filesystem::path& file = options_.file;
    if (::mkdir(file.parent_path().c_str(), 0700) != 0 && errno != EEXIST) fail(file, "made");
    const Scaffold scaffold(file);
    fd_ = OwnedFd(::open(scaffold.path(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd_) fail(file, "made");
    const std::size_t bytes = sizeof(FlightHeader) + seats_.size() * sizeof(FlightSlot);
    // Its place on the disk is had now: a store into a page without one would end the process.
    if (const int fault = ::posix_fallocate(fd_.get(), 0, static_cast<off_t>(bytes)); fault != 0) {
        errno = fault;
        fail(file, "written");
    }
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) fail(file, "locked");
    void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    if (memory == MAP_FAILED) fail(file, "mapped");
    header_ = new (memory) FlightHeader{};
    slots_ = new (static_cast<char*>(memory) + sizeof(FlightHeader)) FlightSlot[seats_.size()]{};
    header_->slots = static_cast<std::uint32_t>(seats_.size());
    header_->boot = boot_of_this_machine().bytes;
    header_->pid = pid_;
    if (::link(scaffold.path(), file.c_str()) != 0) {
        const int fault = errno;
        ::munmap(memory, bytes);
        errno = fault;
        fail(file, "put in its place");
    }
}

FlightRecorder::~FlightRecorder() {
    ::unlink(options_.file.c_str());
    ::munmap(header_, sizeof(FlightHeader) + seats_.size() * sizeof(FlightSlot));
}

std::uint32_t FlightRecorder::sit_down() {
    pthread_attr_t attributes;
    void* low = nullptr;
    std::size_t size = 0, guard = 0;
    if (::pthread_getattr_np(::pthread_self(), &attributes) == 0) {
        ::pthread_attr_getstack(&attributes, &low, &size);
        ::pthread_attr_getguardsize(&attributes, &guard);
        ::pthread_attr_destroy(&attributes);
    }
    const std::scoped_lock lock(mutex_);
    const auto free = std::ranges::find_if(seats_, [](const Seat& seat) { return seat.tid.load() == 0; });
    if (free == seats_.end()) return kNoFlightSlot;
    free->stack_low = reinterpret_cast<std::uintptr_t>(low);
    free->guard = guard;
    const auto place = static_cast<std::uint32_t>(free - seats_.begin());
    slots_[place].tid = this_thread();
    free->tid.store(slots_[place].tid);
    return place;
}

void FlightRecorder::stand_up(std::uint32_t place) noexcept { seats_[place].tid.store(0); }

void FlightRecorder::record_end(const FlightEnd& end) noexcept {
    if (::getpid() != pid_) return;
    const std::atomic_ref state(header_->crash_state);
    auto none = static_cast<std::uint32_t>(FlightCrashState::None);
    if (!state.compare_exchange_strong(none, static_cast<std::uint32_t>(FlightCrashState::Writing))) return;
    const std::int32_t me = this_thread();
    for (std::size_t i = 0; end.of_this_thread && i < seats_.size(); ++i) {
        const Seat& seat = seats_[i];
        if (seat.tid.load() != me) continue;
        if (std::atomic_ref(slots_[i].phase).load() != 0) header_->crash_slot = static_cast<std::uint32_t>(i);
        const bool below = end.address + seat.guard + kStride >= seat.stack_low;
        header_->stack_overflow = end.signal != 0 && seat.stack_low != 0 && end.address != 0 && below &&
                                  end.address < seat.stack_low + kPage;
    }
    header_->crash_inside = end.of_this_thread ? 1 : 0;
    header_->crash_signal = end.signal;
    header_->fault_address = end.address;
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    header_->crashed_ms = static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
    state.store(static_cast<std::uint32_t>(FlightCrashState::Written), std::memory_order_release);
}

bool FlightRecorder::is_in_a_call() const noexcept {
    if (::getpid() != pid_) return false;
    const std::int32_t me = this_thread();
    for (std::size_t i = 0; i < seats_.size(); ++i)
        if (seats_[i].tid.load() == me && std::atomic_ref(slots_[i].phase).load() != 0) return true;
    return false;
}

FlightSeat::FlightSeat(std::shared_ptr<FlightRecorder> recorder) : recorder_(std::move(recorder)) {
    if (!recorder_) return;
    place_ = recorder_->sit_down();
    if (place_ == kNoFlightSlot) return;
    slot_ = recorder_->slots_ + place_;
    if (recorder_->options_.on_thread) kept_ = recorder_->options_.on_thread();
}

FlightSeat::~FlightSeat() {
    if (slot_ == nullptr) return;
    end();
    recorder_->stand_up(place_);
}

void FlightSeat::begin(const FlightCall& call) noexcept {
    if (slot_ == nullptr) return;
    FlightSlot& slot = *slot_;
    slot.started_ms = call.started_ms;
    slot.claimed_ms = call.claimed_ms;
    slot.task_uuid = call.task_uuid.bytes;
    slot.step_uuid = call.step_uuid.bytes;
    slot.plugin_size = put(slot.plugin, call.plugin);
    slot.callable_size = put(slot.callable, call.callable);
    slot.step_size = put(slot.step, call.step);
    phase(FlightPhase::Handler);
}

void FlightSeat::phase(FlightPhase phase) noexcept {
    if (slot_ == nullptr) return;
    std::atomic_ref(slot_->phase).store(static_cast<std::uint32_t>(phase), std::memory_order_release);
}

}  // namespace tasker::host
