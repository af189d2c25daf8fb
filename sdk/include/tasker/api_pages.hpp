#pragma once
// Answers of a service that come in pages, each with the cursor of the next one:
//
//   const auto last = tasker::each_page(service, "/orders", {.cursor_param = "after", .next = "/paging/after"},
//                                       [&](const tasker::json& page) { count += page.at("orders").size(); });
//   if (!last.ok()) return api_failure(last);

#include <string>
#include <string_view>

#include "tasker/api_handler.hpp"

namespace tasker {

struct ApiPages {
    json params = json::object();         // of every page
    std::string cursor_param = "cursor";  // the parameter that asks for a later page; the first has none
    std::string next = "/next_cursor";    // JSON pointer to the cursor of the next page
    unsigned max_pages = 100;
};

// GETs page after page and calls `each` with the body of those that are ok. The last page is the first one that is not ok,
// or whose cursor is missing, null, false or empty; it is returned. Stops as requests do (api_handler.hpp). Throws ApiError
// (PAGES_WITHOUT_END, not retried) when there are more than max_pages, or a cursor leads to its own page; ValidationError
// for a pointer that is none.
template <class Each>
ApiResponse each_page(Api& api, std::string_view path, const ApiPages& pages, const Each& each) {
    json params = pages.params;
    json cursor;
    const auto endless = [&](const std::string& why) {
        throw ApiError("GET " + std::string(path) + ": " + why, "http_error", false, "PAGES_WITHOUT_END");
    };
    for (unsigned page = 1;; ++page) {
        ApiResponse response = api.get(path, params);
        if (!response.ok()) return response;
        each(response.body);
        json next;
        try {
            const json::json_pointer pointer(pages.next);
            if (response.body.contains(pointer)) next = response.body.at(pointer);
        } catch (const json::parse_error& error) {
            throw ValidationError("'" + pages.next + "' is no JSON pointer: " + error.what(), "BAD_POINTER");
        }
        if (next.is_null() || next == false || next == "") return response;
        if (page >= pages.max_pages) endless("more than " + std::to_string(page) + " pages");
        if (next == cursor) endless("a page names itself as the next one");
        cursor = next;
        params[pages.cursor_param] = cursor;
    }
}

}  // namespace tasker
