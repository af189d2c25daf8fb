#include "host/loader/accounts.hpp"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <array>
#include <mutex>

namespace tasker::host {

namespace {
constexpr std::size_t kMaxAccounts = 100'000;

class SystemAccounts final : public Accounts {
  public:
    std::optional<Account> find(uid_t user) const override {
        std::array<char, 16384> buffer{};
        passwd entry{};
        passwd* found = nullptr;
        if (getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
            return std::nullopt;
        return Account{entry.pw_name, entry.pw_gid};
    }

    std::optional<std::vector<std::string>> members(gid_t group) const override {
        std::array<char, 65536> buffer{};
        struct group entry {};
        struct group* found = nullptr;
        // A group with more members than fit here is nobody's private one.
        if (getgrgid_r(group, &entry, buffer.data(), buffer.size(), &found) != 0) return std::nullopt;
        std::vector<std::string> names;
        if (found == nullptr) return names;
        for (char** member = entry.gr_mem; *member != nullptr; ++member) names.emplace_back(*member);
        return names;
    }

    std::optional<std::vector<std::string>> primary_members(gid_t group) const override {
        // The walk has one position for the whole process.
        const std::scoped_lock lock(walk_);
        std::array<char, 16384> buffer{};
        passwd entry{};
        passwd* found = nullptr;
        std::vector<std::string> names;
        std::size_t seen = 0;
        bool complete = true;
        setpwent();
        while (complete && getpwent_r(&entry, buffer.data(), buffer.size(), &found) == 0) {
            if (entry.pw_gid == group) names.emplace_back(entry.pw_name);
            complete = ++seen < kMaxAccounts;
        }
        endpwent();
        if (!complete) return std::nullopt;
        return names;
    }

  private:
    mutable std::mutex walk_;
};
}  // namespace

const Accounts& system_accounts() {
    static const SystemAccounts kAccounts;
    return kAccounts;
}

bool is_own_group(const Accounts& accounts, uid_t owner, gid_t group) {
    const auto user = accounts.find(owner);
    if (!user || user->group != group) return false;
    const auto listed = accounts.members(group);
    const auto primary = accounts.primary_members(group);
    if (!listed || !primary) return false;
    const auto is_owner = [&](const std::string& name) { return name == user->name; };
    return std::all_of(listed->begin(), listed->end(), is_owner) &&
           std::all_of(primary->begin(), primary->end(), is_owner);
}

}  // namespace tasker::host
