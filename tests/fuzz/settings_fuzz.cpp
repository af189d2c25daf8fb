// The small languages of settings: lengths of time, database URLs, log filters, Retry-After.

#include "host/config/database_url.hpp"
#include "host/config/duration.hpp"
#include "host/config/rust_log.hpp"
#include "host/model/retry.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace tasker::host;
using fuzzing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (const auto ms = parse_duration(text)) {
        require(*ms >= 0, "time does not run backwards");
        require(parse_duration(format_duration(*ms)) == ms,
                "a length of time is written so that it reads the same");
    }
    constexpr std::int64_t kNow = 1'790'000'000'000;
    if (const auto ms = retry_after_ms(text, kNow))
        require(*ms >= 0 && *ms <= kMaxRetryAfterMs, "a Retry-After is within its limits");
    const auto fault = database_url_fault(text);
    const std::string shown = redacted_url(text);
    const std::string_view password = url_password(text);
    // A password that stands once in the text can be in what is shown only if it overlaps [REDACTED], and so
    // has a bracket or is part of the word: neither says anything of the hiding.
    if (password.size() > 10 && text.find(password) == text.rfind(password) &&
        password.find_first_of("[]") == std::string_view::npos) {
        require(shown.find(password) == std::string::npos, "a password is not shown");
        // Unless it is a word that the fault says anyway.
        std::string other(text);
        other.replace(text.find(password), password.size(), "0123456789");
        // Its words and the end of what is shown may make one up by chance.
        std::string said = fault.value_or("");
        if (const auto at = said.find(shown); !shown.empty() && at != std::string::npos)
            said.replace(at, shown.size(), "\n");
        require(said.find(password) == std::string::npos ||
                    database_url_fault(other).value_or("").find(password) != std::string::npos,
                "a password is not quoted in a fault");
    }
    if (fault) {
        require(!fault->empty(), "a refusal says what is wrong");
    } else if (text.starts_with("sqlite:")) {
        static_cast<void>(sqlite_path(text));
    }
    std::vector<std::string> warnings;
    const auto level = rust_log_level(text, warnings);
    require(!level || !level->empty(), "a level has a name");
    for (const std::string& warning : warnings) require(!warning.empty(), "a warning says something");
    return 0;
}
