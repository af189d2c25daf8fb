#include "host/engine/pinned_templates.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "host/model/expansion.hpp"

namespace tasker::host {

namespace {
// One sort for all steps, not one each.
std::vector<std::vector<std::size_t>> ancestors_by_name(const TaskTemplate& definition) {
    const std::size_t count = definition.steps.size();
    std::vector<std::size_t> by_name(count);
    std::iota(by_name.begin(), by_name.end(), std::size_t{0});
    std::ranges::sort(by_name, {},
                      [&](std::size_t i) -> const std::string& { return definition.steps[i].name; });
    std::vector<std::vector<std::size_t>> all(count);
    std::vector<bool> is_ancestor(count);
    for (std::size_t step = 0; step < count; ++step) {
        const auto& ids = definition.steps[step].ancestor_ids;
        for (const std::size_t id : ids) is_ancestor[id] = true;
        all[step].reserve(ids.size());
        if (!ids.empty())
            std::ranges::copy_if(by_name, std::back_inserter(all[step]),
                                 [&](std::size_t i) { return is_ancestor[i]; });
        for (const std::size_t id : ids) is_ancestor[id] = false;
    }
    return all;
}

std::shared_ptr<PinnedTemplate> build(std::int64_t id, std::shared_ptr<const TaskTemplate> definition) {
    auto pinned = std::make_shared<PinnedTemplate>();
    pinned->id = id;
    pinned->makes_steps = makes_steps(*definition);
    if (pinned->makes_steps) {
        pinned->initial = initial_steps(*definition);
    } else {
        pinned->ancestors = ancestors_by_name(*definition);
    }
    pinned->definition = std::move(definition);
    return pinned;
}

void add_lanes(PinnedTemplate& pinned, SqlConnection& connection, Lanes& lanes) {
    for (const StepTemplate& step : pinned.definition->steps) {
        const LaneKey key{pinned.definition->namespace_name, step.handler.callable, step.handler.method};
        pinned.lanes.push_back(lanes.ensure(connection, key));
    }
}

std::shared_ptr<const TaskTemplate> read_definition(SqlConnection& connection, std::int64_t template_id) {
    Statement select = connection.prepare("SELECT definition FROM template WHERE template_id = ?");
    auto rows = select.query(template_id);
    if (!rows.next()) throw Error("template row " + std::to_string(template_id) + " is missing in the store");
    return std::make_shared<const TaskTemplate>(template_from_json(rows.text(0)));
}
}  // namespace

std::shared_ptr<const PinnedTemplate> PinnedTemplates::find(const TaskTemplate& definition) const {
    const std::scoped_lock lock(mutex_);
    const auto found = by_text_.find(definition.definition_json);
    return found == by_text_.end() ? nullptr : found->second;
}

std::shared_ptr<const PinnedTemplate> PinnedTemplates::remember(
    std::shared_ptr<const PinnedTemplate> pinned) {
    const std::scoped_lock lock(mutex_);
    definitions_.insert_or_assign(pinned->id, pinned->definition);
    by_text_.insert_or_assign(pinned->definition->definition_json, pinned);
    return by_id_.insert_or_assign(pinned->id, std::move(pinned)).first->second;
}

void PinnedTemplates::forget(std::int64_t template_id) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(by_text_, [&](const auto& entry) { return entry.second->id == template_id; });
    by_id_.erase(template_id);
    definitions_.erase(template_id);
}

std::shared_ptr<const PinnedTemplate> PinnedTemplates::write(SqlConnection& connection, Lanes& lanes,
                                                             const Clock& clock,
                                                             std::shared_ptr<const TaskTemplate> definition) {
    std::int64_t id = 0;
    {
        Statement same = connection.prepare(
            "SELECT template_id FROM template WHERE ns = ? AND name = ? AND version = ? AND definition = ?");
        auto rows = same.query(definition->namespace_name, definition->name, definition->version,
                               definition->definition_json);
        if (rows.next()) id = rows.integer(0);
    }
    if (id == 0) {
        Statement insert = connection.prepare(
            "INSERT INTO template(ns, name, version, definition, registered_ms) VALUES(?, ?, ?, ?, ?) "
            "RETURNING template_id");
        auto rows = insert.query(definition->namespace_name, definition->name, definition->version,
                                 definition->definition_json, clock.unix_ms());
        while (rows.next()) id = rows.integer(0);
    }
    auto pinned = build(id, std::move(definition));
    add_lanes(*pinned, connection, lanes);
    return pinned;
}

std::shared_ptr<const PinnedTemplate> PinnedTemplates::load(SqlConnection& connection, Lanes& lanes,
                                                            std::int64_t template_id) {
    {
        const std::scoped_lock lock(mutex_);
        if (const auto found = by_id_.find(template_id); found != by_id_.end()) return found->second;
    }
    auto pinned = build(template_id, read_definition(connection, template_id));
    add_lanes(*pinned, connection, lanes);
    return remember(std::move(pinned));
}

std::shared_ptr<const TaskTemplate> PinnedTemplates::definition(SqlConnection& reader,
                                                                std::int64_t template_id) {
    {
        const std::scoped_lock lock(mutex_);
        if (const auto found = definitions_.find(template_id); found != definitions_.end())
            return found->second;
    }
    auto definition = read_definition(reader, template_id);
    const std::scoped_lock lock(mutex_);
    return definitions_.insert_or_assign(template_id, std::move(definition)).first->second;
}

}  // namespace tasker::host
