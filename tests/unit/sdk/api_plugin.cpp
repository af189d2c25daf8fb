// A plugin with an API handler, as tasker_add_plugin(... API) builds one.
#include <tasker/api_handler.hpp>
#include <tasker/export.hpp>

using Ping = tasker::api_function<"fixture.ping", [](tasker::Api& api) { return api.get("/ping"); }>;

TASKER_PLUGIN("org.example.ping", "1.0.0", Ping);
