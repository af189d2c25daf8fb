#include "host/runtime/link/messages.hpp"

#include <type_traits>

namespace tasker::host {

namespace {
template <class Read>
auto whole(std::string_view payload, Read&& read) {
    FieldReader in(payload);
    auto value = read(in);
    in.end();
    return value;
}

// The value of an enumeration whose last one is `last`.
template <class Enum>
Enum choice(FieldReader& in, Enum last, const char* what) {
    const auto value = in.number<std::uint8_t>();
    if (value > static_cast<std::uint8_t>(last))
        throw LinkFault(std::string(what) + " has the value " + std::to_string(value));
    return static_cast<Enum>(value);
}

template <class Enum>
void put_choice(FieldWriter& out, Enum value) {
    out.number(static_cast<std::uint8_t>(value));
}

void put_texts(FieldWriter& out, std::span<const std::string> texts) {
    out.count(texts.size());
    for (const std::string& text : texts) out.text(text);
}

std::vector<std::string> read_texts(FieldReader& in) {
    std::vector<std::string> texts(in.count(4));
    for (std::string& text : texts) text = in.string();
    return texts;
}

Capacity read_capacity(FieldReader& in) {
    Capacity capacity;
    capacity.slots = in.number<std::uint32_t>();
    capacity.lanes.resize(in.count(16));
    for (LaneOffer& lane : capacity.lanes) {
        lane.namespace_name = in.string();
        lane.callable = in.string();
        lane.method = in.string();
        lane.limit = in.number<std::uint32_t>();
    }
    return capacity;
}

RuntimeStatus read_status(FieldReader& in) {
    RuntimeStatus status;
    status.core_status = in.string();
    status.pool_size = in.number<std::int32_t>();
    status.pool_idle = in.number<std::int32_t>();
    status.error = in.string();
    status.store_lost = in.flag();
    return status;
}

std::vector<Uuid> read_uuids(FieldReader& in) {
    std::vector<Uuid> uuids(in.count(16));
    for (Uuid& uuid : uuids) uuid = in.uuid();
    return uuids;
}
}  // namespace

void put(FieldWriter& out, const Capacity& capacity) {
    out.number(std::uint32_t{capacity.slots});
    out.count(capacity.lanes.size());
    for (const LaneOffer& lane : capacity.lanes) {
        out.text(lane.namespace_name);
        out.text(lane.callable);
        out.text(lane.method);
        out.number(std::uint32_t{lane.limit});
    }
}

void put(FieldWriter& out, const HelloMessage& hello) {
    out.number(hello.min_protocol);
    out.number(hello.max_protocol);
    out.text(hello.worker_id);
    put_texts(out, hello.namespaces);
    out.number(hello.generation);
    out.text(hello.token);
    put(out, hello.capacity);
    out.count(hello.held.size());
    for (const HeldClaim& held : hello.held) {
        out.uuid(held.event_id);
        out.uuid(held.step_uuid);
        out.number(held.fence);
        out.flag(held.started);
    }
}

void put(FieldWriter& out, const WelcomeMessage& welcome) {
    out.number(welcome.protocol);
    put(out, std::span<const Uuid>(welcome.gone));
    put(out, welcome.status);
}

void put(FieldWriter& out, const RefusedMessage& refused) {
    put_choice(out, refused.code);
    out.text(refused.reason);
}

void put(FieldWriter& out, const TemplateMessage& message) {
    out.number(message.id);
    out.flag(message.forget_others);
    out.text(message.definition_json);
}

void put(FieldWriter& out, const RuntimeStatus& status) {
    out.text(status.core_status);
    out.number(std::int32_t{status.pool_size});
    out.number(std::int32_t{status.pool_idle});
    out.text(status.error);
    out.flag(status.store_lost);
}

void put(FieldWriter& out, const CheckpointAnswer& answer) {
    out.flag(answer.saved);
    out.flag(answer.unavailable);
    out.text(answer.fault);
}

void put(FieldWriter& out, const Checkpoint& checkpoint) {
    out.text(checkpoint.cursor_json);
    out.number(checkpoint.items_processed);
    out.text(checkpoint.accumulated_json);
}

void put(FieldWriter& out, const StepExecutionResult& result) {
    out.uuid(result.step_uuid);
    out.uuid(result.task_uuid);
    out.flag(result.success);
    out.text(result.status);
    out.number(result.execution_time_ms);
    out.text(result.result_json);
    out.flag(result.error.has_value());
    if (result.error) {
        out.text(result.error->message);
        out.text(result.error->error_type);
        out.text(result.error->error_code);
        out.flag(result.error->retryable);
        out.text(result.error->context_json);
    }
    out.text(result.worker_id);
    out.text(result.correlation_id);
    out.text(result.metadata_json);
    out.number(result.started_ms);
    out.number(result.completed_ms);
    out.text(result.handler_version);
    out.text(result.worker_hostname);
    out.maybe_number(result.retry_after_ms);
    out.count(result.headers.size());
    for (const auto& [key, value] : result.headers) {
        out.text(key);
        out.text(value);
    }
    out.count(result.events.size());
    for (const DomainEvent& event : result.events) {
        out.uuid(event.event_id);
        out.text(event.name);
        out.text(event.namespace_name);
        put_choice(out, event.delivery);
        out.text(event.event_json);
    }
}

void put(FieldWriter& out, std::span<const Uuid> events) {
    out.count(events.size());
    for (const Uuid& event : events) out.uuid(event);
}

void put(FieldWriter& out, std::span<const Revocation> revocations) {
    out.count(revocations.size());
    for (const Revocation& revocation : revocations) {
        out.uuid(revocation.event_id);
        put_choice(out, revocation.why);
    }
}

void put(FieldWriter& out, std::span<const Verdict> verdicts) {
    out.count(verdicts.size());
    for (const auto& [request, verdict] : verdicts) {
        out.number(request);
        put_choice(out, verdict);
    }
}

void put(FieldWriter& out, std::span<const std::string> texts) { put_texts(out, texts); }

Capacity capacity_from(std::string_view payload) { return whole(payload, read_capacity); }

HelloMessage hello_from(std::string_view payload) {
    return whole(payload, [](FieldReader& in) {
        HelloMessage hello;
        hello.min_protocol = in.number<std::uint8_t>();
        hello.max_protocol = in.number<std::uint8_t>();
        hello.worker_id = in.string();
        hello.namespaces = read_texts(in);
        hello.generation = in.number<std::int64_t>();
        hello.token = in.string();
        hello.capacity = read_capacity(in);
        hello.held.resize(in.count(37));
        for (HeldClaim& held : hello.held) {
            held.event_id = in.uuid();
            held.step_uuid = in.uuid();
            held.fence = in.number<std::uint32_t>();
            held.started = in.flag();
        }
        return hello;
    });
}

WelcomeMessage welcome_from(std::string_view payload) {
    return whole(payload, [](FieldReader& in) {
        WelcomeMessage welcome;
        welcome.protocol = in.number<std::uint8_t>();
        welcome.gone = read_uuids(in);
        welcome.status = read_status(in);
        return welcome;
    });
}

RefusedMessage refused_from(std::string_view payload) {
    return whole(payload, [](FieldReader& in) {
        RefusedMessage refused;
        refused.code = choice(in, RefusalCode::Stopping, "a reason to end the connection");
        refused.reason = in.string();
        return refused;
    });
}

TemplateMessage template_from(std::string_view payload) {
    return whole(payload, [](FieldReader& in) {
        TemplateMessage message;
        message.id = in.number<std::uint32_t>();
        message.forget_others = in.flag();
        message.definition_json = in.string();
        return message;
    });
}

RuntimeStatus status_from(std::string_view payload) { return whole(payload, read_status); }

CheckpointAnswer checkpoint_answer_from(std::string_view payload) {
    return whole(payload, [](FieldReader& in) {
        CheckpointAnswer answer;
        answer.saved = in.flag();
        answer.unavailable = in.flag();
        answer.fault = in.string();
        return answer;
    });
}

Checkpoint checkpoint_from(std::string_view payload) {
    return whole(payload, [](FieldReader& in) {
        Checkpoint checkpoint;
        checkpoint.cursor_json = in.string();
        checkpoint.items_processed = in.number<std::uint64_t>();
        checkpoint.accumulated_json = in.string();
        return checkpoint;
    });
}

StepExecutionResult result_from(std::string_view payload) {
    return whole(payload, [](FieldReader& in) {
        StepExecutionResult result;
        result.step_uuid = in.uuid();
        result.task_uuid = in.uuid();
        result.success = in.flag();
        result.status = in.string();
        result.execution_time_ms = in.number<std::int64_t>();
        result.result_json = in.string();
        if (in.flag()) {
            StepError error;
            error.message = in.string();
            error.error_type = in.string();
            error.error_code = in.string();
            error.retryable = in.flag();
            error.context_json = in.string();
            result.error = std::move(error);
        }
        result.worker_id = in.string();
        result.correlation_id = in.string();
        result.metadata_json = in.string();
        result.started_ms = in.number<std::int64_t>();
        result.completed_ms = in.number<std::int64_t>();
        result.handler_version = in.string();
        result.worker_hostname = in.string();
        result.retry_after_ms = in.maybe_number();
        result.headers.resize(in.count(8));
        for (auto& [key, value] : result.headers) {
            key = in.string();
            value = in.string();
        }
        result.events.resize(in.count(29));
        for (DomainEvent& event : result.events) {
            event.event_id = in.uuid();
            event.name = in.string();
            event.namespace_name = in.string();
            event.delivery = choice(in, DeliveryMode::Broadcast, "an event's delivery");
            event.event_json = in.string();
        }
        return result;
    });
}

std::vector<Uuid> events_from(std::string_view payload) { return whole(payload, read_uuids); }

std::vector<Revocation> revocations_from(std::string_view payload) {
    return whole(payload, [](FieldReader& in) {
        std::vector<Revocation> revocations(in.count(17));
        for (Revocation& revocation : revocations) {
            revocation.event_id = in.uuid();
            revocation.why = choice(in, Revocation::Why::LeaseLost, "a revocation");
        }
        return revocations;
    });
}

std::vector<Verdict> verdicts_from(std::string_view payload) {
    return whole(payload, [](FieldReader& in) {
        std::vector<Verdict> verdicts(in.count(9));
        for (auto& [request, verdict] : verdicts) {
            request = in.number<std::uint64_t>();
            verdict = choice(in, CompletionVerdict::Superseded, "a verdict");
        }
        return verdicts;
    });
}

std::vector<std::string> texts_from(std::string_view payload) { return whole(payload, read_texts); }

}  // namespace tasker::host
