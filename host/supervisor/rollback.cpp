// Back to what an earlier generation was made of.

#include <string>
#include <utility>

#include "host/core/error.hpp"
#include "host/supervisor/folder_contents.hpp"
#include "host/supervisor/supervisor.hpp"

namespace tasker::host {

Generation Supervisor::roll_back(const std::string& namespace_name, Generation to, Outcome told) {
    Namespace* ns = find(namespace_name);
    if (ns == nullptr) return 0;
    if (to == 0) to = older(*ns);
    auto manifest = manifests_.load(ns->name, to);
    if (!manifest || !manifest->loaded)
        throw NoSuchGeneration(
            "namespace '" + namespace_name + "' has no " +
                (to == 0 ? std::string("older generation") : "generation " + std::to_string(to)) +
                " to go back to",
            "the last " + std::to_string(ManifestStore::kKept) + " that ran are kept");
    if (manifest->copy_of == 0) manifest->copy_of = to;
    // What the folders hold was made last of all that is no copy.
    manifest->instead_of = 0;
    for (Generation one = ns->newest; one > 0 && manifest->instead_of == 0; --one) {
        const auto known = manifests_.load(ns->name, one);
        if (known && known->copy_of == 0) manifest->instead_of = one;
    }
    manifest->why = "rollback to " + std::to_string(to);
    begin_change(*ns, std::move(*manifest), std::move(told));
    return to;
}

// The newest before that which runs, or was to run last, that is something else.
Generation Supervisor::older(const Namespace& ns) const {
    const auto running = manifests_.load(ns.name, ns.slot.current ? ns.slot.current->generation : ns.newest);
    if (!running) return 0;
    const Generation origin = running->copy_of != 0 ? running->copy_of : running->generation;
    for (Generation one = origin - 1; one > 0; --one) {
        const auto manifest = manifests_.load(ns.name, one);
        if (manifest && manifest->loaded && manifest->copy_of == 0 && !same_for_workers(*manifest, *running))
            return one;
    }
    return 0;
}

bool Supervisor::stands_instead(const GenerationManifest& newest, const GenerationManifest& folders) const {
    if (newest.instead_of == 0) return false;
    const auto then = manifests_.load(newest.namespace_name, newest.instead_of);
    return then && same_for_workers(*then, folders);
}

}  // namespace tasker::host
