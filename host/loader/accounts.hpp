#pragma once
// The system's users and groups, as far as the trust in a file hangs on them.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace tasker::host {

struct Account {
    std::string name;
    gid_t group = 0;  // the primary one
};

class Accounts {
  public:
    virtual ~Accounts() = default;
    virtual std::optional<Account> find(uid_t user) const = 0;
    // Who the group lists, not counting those whose primary group it is. Nothing when that cannot be told.
    virtual std::optional<std::vector<std::string>> members(gid_t group) const = 0;
    // Every account whose primary group it is. Nothing when that cannot be told, or there are too many to look at.
    virtual std::optional<std::vector<std::string>> primary_members(gid_t group) const = 0;
};

// Asks the system each time. Thread-safe as long as nothing else of the process walks through the accounts.
const Accounts& system_accounts();

// A user private group: the owner's primary one, which nobody else is in.
bool is_own_group(const Accounts& accounts, uid_t owner, gid_t group);

}  // namespace tasker::host
