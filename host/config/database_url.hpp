#pragma once
// What DATABASE_URL may say. Pure.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace tasker::host {

// Why the URL cannot be used, never quoting a password; nothing when it can. Empty is fine: the default
// store.
std::optional<std::string> database_url_fault(std::string_view url);
bool has_password(std::string_view url);
// The password as it stands in the URL, still percent-encoded; empty when there is none.
std::string_view url_password(std::string_view url);
// The same URL with [REDACTED] for the password.
std::string redacted_url(std::string_view url);
// The file of a sqlite:/// URL. Precondition: database_url_fault() found nothing.
std::filesystem::path sqlite_path(std::string_view url);

}  // namespace tasker::host
