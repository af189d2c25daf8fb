#pragma once
// The tables that a plugin's get_extension() answers with: read without trusting a pointer of them, and one member's
// instance. Shared by the extensions of the loader.

#include <tasker/abi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/core/error.hpp"
#include "host/loader/error_text.hpp"
#include "host/loader/memory_probe.hpp"
#include "host/loader/plugin.hpp"

namespace tasker::host {

[[noreturn]] void invalid_extension(const std::string& member, const std::string& fault);

// A text, a name (1 to 128 of [A-Za-z0-9_.:-]). Throw PluginError that begins with `at`.
std::string read_extension_text(const MemoryProbe& probe, const char* from, const std::string& at,
                                std::size_t most);
std::string read_extension_name(const MemoryProbe& probe, const char* from, const std::string& at);

template <class T>
T read_extension_table(const MemoryProbe& probe, const T* from, const std::string& at) {
    if (from == nullptr) invalid_extension(at, "is NULL");
    if (reinterpret_cast<std::uintptr_t>(from) % alignof(T) != 0) invalid_extension(at, "is not aligned");
    std::uint32_t size = 0;
    T copy{};
    if (!probe.copy(&size, from, sizeof size)) invalid_extension(at, "points to nowhere");
    if (size < sizeof(T) || size > 4096 || size % 8 != 0)
        invalid_extension(at + ".struct_size", "is " + std::to_string(size) + ", which no version has");
    if (!probe.copy(&copy, from, sizeof(T))) invalid_extension(at, "points to nowhere");
    return copy;
}

// The items of the list that the plugin answers for `id`: each original with its checked copy.
template <class Item, class List>
std::vector<std::pair<const Item*, Item>> read_extension_items(const MemoryProbe& probe,
                                                               const PluginDescriptor& descriptor,
                                                               const char* id) {
    constexpr std::size_t kMaxItems = 64;
    std::vector<std::pair<const Item*, Item>> items;
    if (descriptor.table.get_extension == nullptr) return items;
    const void* (*const ask)(const tasker_plugin_v0*, const char*) = descriptor.table.get_extension;
    const void* const answer = ask(descriptor.original, id);
    if (answer == nullptr) return items;
    const List list = read_extension_table(probe, static_cast<const List*>(answer), id);
    if (list.reserved0 != 0) invalid_extension(std::string(id) + ".reserved0", "is not 0");
    if (list.count > kMaxItems)
        invalid_extension(std::string(id) + ".count", "is " + std::to_string(list.count) + ", more than 64");
    for (std::size_t i = 0; i < list.count; ++i) {
        const std::string at = std::string(id) + ".items[" + std::to_string(i) + "]";
        const Item* item = nullptr;
        if (!probe.copy(&item, list.items + i, sizeof item)) invalid_extension(at, "is not readable");
        items.emplace_back(item, read_extension_table(probe, item, at));
    }
    return items;
}

// What a plugin writes, bounded.
class WrittenText {
  public:
    explicit WrittenText(std::size_t most) : most_(most), sink_{this, &write} {}
    WrittenText(const WrittenText&) = delete;
    WrittenText& operator=(const WrittenText&) = delete;
    const tasker_sink* sink() const { return &sink_; }
    bool too_long() const { return too_long_; }
    std::string take() { return std::move(text_); }

  private:
    static std::int32_t write(void* context, const char* bytes, std::size_t size) noexcept {
        auto& self = *static_cast<WrittenText*>(context);
        if (bytes == nullptr) return size == 0 ? TASKER_OK : TASKER_E_INVALID;
        if (size > self.most_ - self.text_.size()) {
            self.too_long_ = true;
            return TASKER_E_NOMEM;
        }
        try {
            self.text_.append(bytes, size);
        } catch (const std::bad_alloc&) {
            return TASKER_E_NOMEM;
        }
        return TASKER_OK;
    }
    const std::size_t most_;
    std::string text_;
    bool too_long_ = false;
    tasker_sink sink_;
};

// A member of a plugin's table, its instance, and who to blame. The functions are called through pointers that do not
// promise noexcept: what is not made with the SDK may throw all the same, and the callers catch.
template <class Table>
class ExtensionInstance {
  public:
    ExtensionInstance(std::shared_ptr<const Plugin> plugin, const Table* original, const Table& table,
                      std::string name, std::string source, const char* kind)
        : plugin_(std::move(plugin)), table_(table), name_(std::move(name)), source_(std::move(source)) {
        if (table_.create == nullptr) return;
        ErrorText error;
        const std::string& config = plugin_->config_json();
        const tasker_create_v0 args{sizeof(tasker_create_v0), 0,
                                    plugin_->host(),          {config.data(), config.size()},
                                    plugin_->state(),         error.sink()};
        const std::int32_t status = table_.create(original, &args, &instance_);
        if (status == TASKER_OK) return;
        throw PluginError(std::string(kind) + " '" + name_ + "' cannot be created: " + status_name(status) +
                          (error.text().empty() ? "" : ": " + error.text()));
    }
    ~ExtensionInstance() {
        if (table_.destroy != nullptr) table_.destroy(instance_);
    }
    ExtensionInstance(const ExtensionInstance&) = delete;
    ExtensionInstance& operator=(const ExtensionInstance&) = delete;

    const Table& table() const { return table_; }
    void* object() const { return instance_; }
    const std::string& name() const { return name_; }
    const std::string& source() const { return source_; }

    // Throws Error for a negative status.
    void check(std::int32_t status, const char* what, const ErrorText& error) const {
        if (status >= 0) return;
        const std::string text = error.text();
        throw Error(std::string(what) + "() of " + name_ + " failed with " + status_name(status) +
                    (text.empty() ? "" : ": " + text));
    }

  private:
    std::shared_ptr<const Plugin> plugin_;  // so that its shutdown() comes after destroy()
    const Table table_;
    const std::string name_, source_;
    void* instance_ = nullptr;
};

}  // namespace tasker::host
