// What a worker says over its link and what it is told.

#include <sys/epoll.h>

#include <algorithm>

#include "host/engine/link_loop.hpp"
#include "host/runtime/link/step_message.hpp"

namespace tasker::host {

namespace {
constexpr std::uint64_t kProcess = 3;                      // as in link_server.cpp
constexpr std::size_t kHighWater = std::size_t{1} << 20U;  // unsent; then steps wait
constexpr std::size_t kDeliverAtOnce = 16;
constexpr std::size_t kMaxTemplates = 512;  // known to one connection
}  // namespace

FrameHead LinkServer::Loop::head(const LinkLease& lease, FrameType type, std::uint64_t request) {
    FrameHead head;
    head.type = type;
    head.request = request;
    head.session = lease.session_uuid;
    return head;
}

void LinkServer::Loop::heard(LinkPeer& peer, const LinkMessage& message) {
    const FrameType type = message.head.type;
    if (type == FrameType::Hello && peer.lease == nullptr) return heard_hello(peer, message);
    if (!from_worker(type) || type == FrameType::Hello || peer.lease == nullptr || !peer.welcomed)
        throw LinkFault("an unexpected " + std::string(name(type)));
    LinkLease& lease = *peer.lease;
    if (message.head.session != lease.session_uuid)
        throw LinkFault("a " + std::string(name(type)) + " is of another session");
    lease.silent = 0;
    if (lease.ending) return;
    EngineSession& session = *lease.session;
    const Uuid& event_id = message.head.event;
    switch (type) {
        case FrameType::Capacity:
            lease.capacity = capacity_from(message.payload);
            grant(lease);
            if (message.head.request != 0) say_alive(lease, message.head.request, true);
            return;
        case FrameType::Started:
            return session.start(events_from(message.payload));
        case FrameType::Result:
        case FrameType::Yield:
            return heard_answer(lease, message);
        case FrameType::Checkpoint:
            return heard_checkpoint(lease, message);
        case FrameType::Heartbeat:
            return say_alive(lease, message.head.request,
                             session.matches(event_id, message.head.fence) && session.heartbeat(event_id));
        case FrameType::Release:
            if (session.matches(event_id, message.head.fence))
                session.release_step_event(event_id, std::string(message.payload.substr(0, 512)));
            return;
        case FrameType::Drain:
            lease.offered = false;
            return session.transition_to_graceful_shutdown();
        case FrameType::Stop:
            lease.ending = true;
            grant_again();
            return session.end(
                [mailbox = mailbox_, id = lease.id, request = message.head.request](std::size_t returned) {
                    mailbox->post({id, LinkMail::Ended{request, returned}});
                });
        case FrameType::Catalog:
            return heard_catalog(lease, message);
        case FrameType::Facts:
            if (options_.on_facts) options_.on_facts(lease.session_uuid, texts_from(message.payload));
            return;
        default:  // a PONG
            return;
    }
}

void LinkServer::Loop::say_alive(LinkLease& lease, std::uint64_t request, bool alive) {
    std::string payload;
    FieldWriter(payload).flag(alive);
    append_message(lease.peer->link.out(), head(lease, FrameType::Alive, request), payload);
}

void LinkServer::Loop::heard_hello(LinkPeer& peer, const LinkMessage& message) {
    const HelloMessage hello = hello_from(message.payload);
    if (message.head.session.is_nil()) throw LinkFault("a HELLO without a session");
    if (hello.min_protocol > kNewestProtocol || hello.max_protocol < kOldestProtocol) {
        return refuse(peer, RefusalCode::Version,
                      "the worker speaks protocol " + std::to_string(hello.min_protocol) + " to " +
                          std::to_string(hello.max_protocol) + ", the engine " +
                          std::to_string(kOldestProtocol) + " to " + std::to_string(kNewestProtocol));
    }
    if (!options_.token.empty() && hello.token != options_.token)
        return refuse(peer, RefusalCode::Token, "the worker's token is not the engine's");
    LinkLease* lease = lease_for(peer, message, hello);
    if (lease == nullptr) return;
    peer.lease = lease;
    peer.close_by_ms = 0;
    peer.link.reader().set_max_message(kMaxWorkerMessage);
    lease->peer = &peer;
    lease->silent = 0;
    lease->capacity = hello.capacity;
    lease->verdicts.clear();
    lease->session->adopt(hello.held,
                          [mailbox = mailbox_, id = lease->id, connection = peer.id](std::vector<Uuid> gone) {
                              mailbox->post({id, LinkMail::Adopted{connection, std::move(gone)}});
                          });
}

// The session's, or a new one. Null when the worker was refused.
LinkLease* LinkServer::Loop::lease_for(LinkPeer& peer, const LinkMessage& message,
                                       const HelloMessage& hello) {
    if (const auto known = by_session_.find(message.head.session); known != by_session_.end()) {
        LinkLease& lease = *known->second;
        if (lease.pid != peer.pid) {
            refuse(peer, RefusalCode::Session, "the session is that of process " + std::to_string(lease.pid));
            return nullptr;
        }
        if (lease.ending) {
            refuse(peer, RefusalCode::Session, "the session has ended");
            return nullptr;
        }
        if (lease.peer != nullptr) refuse(*lease.peer, RefusalCode::Replaced, "the worker connected again");
        return &lease;
    }
    auto made = std::make_unique<LinkLease>();
    made->id = next_id_++;
    made->session_uuid = message.head.session;
    made->worker_id = hello.worker_id;
    made->namespaces = hello.namespaces;
    made->generation = hello.generation;
    made->pid = peer.pid;
    made->process = std::move(peer.process);
    made->session =
        engine_.open_session({hello.worker_id, hello.namespaces, message.head.session, hello.generation});
    if (!made->session) {
        refuse(peer, RefusalCode::Session, "this engine takes no workers of other processes");
        return nullptr;
    }
    made->session->on_activity([mailbox = mailbox_, id = made->id] {
        mailbox->post({id, LinkMail::Activity{}});
    });
    watch(made->process.get(), made->id << 2U | kProcess, EPOLLIN, false);
    LinkLease& lease = *made;
    by_session_.emplace(lease.session_uuid, &lease);
    leases_.emplace(lease.id, std::move(made));
    return &lease;
}

void LinkServer::Loop::heard_answer(LinkLease& lease, const LinkMessage& message) {
    const FrameHead& frame = message.head;
    const std::size_t bytes = message.payload.size();
    auto done = [mailbox = mailbox_, id = lease.id, request = frame.request,
                 bytes](CompletionVerdict verdict) {
        mailbox->post({id, LinkMail::Verdict{request, verdict, bytes}});
    };
    // Read before anything is counted: it may be no such payload.
    const bool yields = frame.type == FrameType::Yield;
    Checkpoint checkpoint;
    StepExecutionResult result;
    if (yields) {
        checkpoint = checkpoint_from(message.payload);
    } else {
        result = result_from(message.payload);
    }
    ++lease.unanswered;
    lease.unanswered_bytes += bytes;
    if (!lease.session->matches(frame.event, frame.fence)) {
        done(CompletionVerdict::Superseded);
    } else if (yields) {
        lease.session->yield_step_event(frame.event, std::move(checkpoint), std::move(done));
    } else {
        lease.session->complete_step_event(frame.event, std::move(result), std::move(done));
    }
}

void LinkServer::Loop::heard_checkpoint(LinkLease& lease, const LinkMessage& message) {
    const std::size_t bytes = message.payload.size();
    auto done = [mailbox = mailbox_, id = lease.id, request = message.head.request,
                 bytes](const CheckpointAnswer& answer) {
        mailbox->post({id, LinkMail::Saved{request, bytes, answer}});
    };
    Checkpoint checkpoint = checkpoint_from(message.payload);
    ++lease.unanswered;
    lease.unanswered_bytes += bytes;
    if (!lease.session->matches(message.head.event, message.head.fence)) return done({});
    lease.session->save(message.head.event, std::move(checkpoint), std::move(done));
}

void LinkServer::Loop::heard_catalog(LinkLease& lease, const LinkMessage& message) {
    std::vector<TaskTemplate> templates;
    for (const std::string& text : texts_from(message.payload)) {
        try {
            templates.push_back(template_from_json(text));
        } catch (const Error& error) {
            throw LinkFault(std::string("a template cannot be read: ") + error.what());
        }
    }
    lease.offered = true;
    grant_again();
    // What a worker that was overtaken still says is old.
    if (options_.on_catalog && lease.may_claim) options_.on_catalog(lease.namespaces, std::move(templates));
}

// Of the generations of a namespace that have offered themselves the newest may claim, the others finish what they run.
bool LinkServer::Loop::overtaken(const LinkLease& lease) const {
    if (lease.generation == 0) return false;
    return std::ranges::any_of(leases_, [&](const auto& entry) {
        const LinkLease& other = *entry.second;
        return other.offered && !other.ending && other.generation > lease.generation &&
               std::ranges::any_of(other.namespaces, [&](const std::string& name) {
                   return std::ranges::find(lease.namespaces, name) != lease.namespaces.end();
               });
    });
}

void LinkServer::Loop::grant(LinkLease& lease) {
    lease.may_claim = !overtaken(lease);
    if (lease.may_claim) {
        lease.session->set_capacity(lease.capacity);
    } else {
        withhold(lease);
    }
}

// Somebody came or went.
void LinkServer::Loop::grant_again() {
    for (const auto& [id, lease] : leases_) {
        if (lease->ending || overtaken(*lease) != lease->may_claim) continue;
        const bool listens =
            lease->peer != nullptr && lease->peer->welcomed && !lease->capacity.lanes.empty();
        if (listens) {
            grant(*lease);
        } else {
            lease->may_claim = !lease->may_claim;
        }
    }
}

void LinkServer::Loop::welcome(LinkLease& lease, std::vector<Uuid> gone) {
    LinkPeer& peer = *lease.peer;
    peer.welcomed = true;
    peer.last_status = lease.session->status();
    append_payload(peer.link.out(), head(lease, FrameType::Welcome),
                   WelcomeMessage{kNewestProtocol, std::move(gone), peer.last_status});
    if (!lease.capacity.lanes.empty()) grant(lease);
    lease.active = true;
    changed_ = true;
    log_.info("a worker is attached",
              {{"worker_id", lease.worker_id}, {"pid", lease.pid}, {"generation", lease.generation}});
}

// No credits; the lanes stay served.
void LinkServer::Loop::withhold(LinkLease& lease) {
    Capacity none = lease.capacity;
    none.slots = 0;
    for (LaneOffer& lane : none.lanes) lane.limit = 0;
    if (!none.lanes.empty()) lease.session->set_capacity(std::move(none));
    lease.session->return_undelivered();
}

// Credits end with the connection.
void LinkServer::Loop::pause(LinkLease& lease) {
    withhold(lease);
    lease.verdicts.clear();
}

// Verdicts first: they make the room that the steps take.
void LinkServer::Loop::write_out(LinkLease& lease) {
    if (lease.peer == nullptr || !lease.peer->welcomed) return;
    LinkPeer& peer = *lease.peer;
    if (!lease.verdicts.empty()) {
        append_payload(peer.link.out(), head(lease, FrameType::Verdicts),
                       std::span<const Verdict>(lease.verdicts));
        lease.verdicts.clear();
    }
    if (!lease.active || lease.ending) return;
    while (peer.link.unsent() < kHighWater) {
        auto steps = lease.session->deliver(kDeliverAtOnce);
        if (steps.empty()) {
            lease.active = false;
            break;
        }
        for (DeliveredStep& step : steps) append_step(lease, std::move(step));
    }
    const auto revocations = lease.session->take_revocations();
    if (!revocations.empty())
        append_payload(peer.link.out(), head(lease, FrameType::Revoked),
                       std::span<const Revocation>(revocations));
}

void LinkServer::Loop::append_step(LinkLease& lease, DeliveredStep step) {
    const std::uint32_t id = template_id(lease, step.event.task_sequence_step.task_template);
    scratch_.clear();
    FieldWriter fields(scratch_);
    put_step(fields, step.event, id);
    if (scratch_.size() > kMaxEngineMessage) {
        // It would not get smaller by waiting.
        StepExecutionResult failed;
        failed.step_uuid = step.event.step_uuid;
        failed.task_uuid = step.event.task_uuid;
        failed.status = "error";
        failed.worker_id = lease.worker_id;
        failed.started_ms = failed.completed_ms = clock_.unix_ms();
        failed.error = StepError{"the step's inputs are " + std::to_string(scratch_.size()) + " bytes, " +
                                     std::to_string(kMaxEngineMessage) + " can be handed to a worker",
                                 "invalid_result", "INVALID_RESULT", false, "{}"};
        return lease.session->complete_step_event(step.event.event_id, std::move(failed), {});
    }
    FrameHead frame = head(lease, FrameType::Step);
    frame.event = step.event.event_id;
    frame.fence = step.fence;
    append_message(lease.peer->link.out(), frame, scratch_);
    if (scratch_.capacity() > kMaxFrame) scratch_ = std::string();
}

std::uint32_t LinkServer::Loop::template_id(LinkLease& lease,
                                            const std::shared_ptr<const TaskTemplate>& definition) {
    LinkPeer& peer = *lease.peer;
    if (const auto known = peer.templates.find(definition.get()); known != peer.templates.end())
        return known->second;
    TemplateMessage message;
    if (peer.templates.size() >= kMaxTemplates) {
        peer.templates.clear();
        peer.template_owners.clear();
        message.forget_others = true;
    }
    message.id = static_cast<std::uint32_t>(peer.templates.size());
    message.definition_json = definition->definition_json;
    peer.templates.emplace(definition.get(), message.id);
    peer.template_owners.push_back(definition);
    append_payload(peer.link.out(), head(lease, FrameType::Template), message);
    return message.id;
}

void LinkServer::Loop::tell_status(LinkLease& lease) {
    if (lease.peer == nullptr || !lease.peer->welcomed) return;
    const RuntimeStatus now = lease.session->status();
    RuntimeStatus& before = lease.peer->last_status;
    if (now.core_status == before.core_status && now.error == before.error &&
        now.store_lost == before.store_lost && now.pool_size == before.pool_size &&
        now.pool_idle == before.pool_idle)
        return;
    before = now;
    append_payload(lease.peer->link.out(), head(lease, FrameType::Status), now);
}

}  // namespace tasker::host
