#pragma once
// Facts with something in every member.

#include "host/scan/plugin_facts.hpp"

namespace tasker::host::testing {

inline PluginFacts sample_facts() {
    PluginFacts facts;
    facts.id = "org.example.shop";
    facts.version = "1.2.3";
    facts.sdk = "tasker-sdk 0.1 \"quoted\"";
    facts.abi = "0.1";
    HandlerInfo charge;
    charge.callable = "shop.charge";
    charge.kind = "decision";
    charge.summary = "charges\na card";
    charge.methods = {"refund", "void"};
    charge.threading = Threading::Affine;
    charge.max_instances = 3;
    charge.capabilities = ~std::uint64_t{0};
    charge.config_schema_json = R"({"type":"object"})";
    charge.input_schema_json = R"({"a":"\u00e9"})";
    HandlerInfo plain;
    plain.callable = "shop.plain";
    facts.handlers = {charge, plain};
    facts.publishers = {"shop.events"};
    facts.subscribers = {"shop.ears", "shop.eyes"};
    facts.resolvers = {{"shop.by_prefix", 40, "report.", ""}, {"shop.by_pattern", 50, "", "a(b|c)"}};
    return facts;
}

}  // namespace tasker::host::testing
