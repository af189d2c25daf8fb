#pragma once
// What a plugin is made of: its classes by what they are, and the answer to get_extension().

#include <array>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "tasker/abi_events.h"
#include "tasker/abi_resolvers.h"
#include "tasker/detail/event_trampolines.hpp"
#include "tasker/detail/resolver_trampolines.hpp"
#include "tasker/detail/text.hpp"

namespace tasker::detail {

template <class... T>
struct TypeList {};

template <class... List>
struct Joined;
template <>
struct Joined<> {
    using type = TypeList<>;
};
template <class... T, class... Rest>
struct Joined<TypeList<T...>, Rest...> {
    template <class Behind>
    struct Put;
    template <class... U>
    struct Put<TypeList<U...>> {
        using type = TypeList<T..., U...>;
    };
    using type = typename Put<typename Joined<Rest...>::type>::type;
};

// The classes in any order: each knows what it is by its base. What is nothing else is a handler.
template <class... T>
struct Sorted {
    template <class Base, class One>
    static constexpr bool is = std::is_base_of_v<Base, One>;
    template <bool Wanted, class One>
    using If = std::conditional_t<Wanted, TypeList<One>, TypeList<>>;

    using publishers = typename Joined<If<is<EventPublisher, T>, T>...>::type;
    using subscribers = typename Joined<If<is<EventSubscriber, T> && !is<EventPublisher, T>, T>...>::type;
    using resolvers = typename Joined<
        If<is<HandlerResolver, T> && !is<EventPublisher, T> && !is<EventSubscriber, T>, T>...>::type;
    using handlers = typename Joined<
        If<!is<HandlerResolver, T> && !is<EventPublisher, T> && !is<EventSubscriber, T>, T>...>::type;
};

template <class Publishers, class Subscribers, class Resolvers>
struct Extensions;
template <class... P, class... S, class... R>
struct Extensions<TypeList<P...>, TypeList<S...>, TypeList<R...>> {
    static_assert(all_distinct(std::array<std::string_view, sizeof...(P)>{PublisherText<P>::get()...}),
                  "two publishers of this plugin have the same publisher_name");
    static_assert(all_distinct(std::array<std::string_view, sizeof...(R)>{ResolverText<R>::get()...}),
                  "two resolvers of this plugin have the same resolver_name");

    static constexpr std::array<const tasker_event_publisher_v0*, sizeof...(P) + 1> publishers{
        &PublisherDescriptor<P>::value..., nullptr};
    static constexpr std::array<const tasker_event_subscriber_v0*, sizeof...(S) + 1> subscribers{
        &SubscriberDescriptor<S>::value..., nullptr};
    static constexpr std::array<const tasker_handler_resolver_v0*, sizeof...(R) + 1> resolvers{
        &ResolverDescriptor<R>::value..., nullptr};
    static constexpr tasker_event_publishers_v0 publisher_list{sizeof(tasker_event_publishers_v0), 0,
                                                               sizeof...(P), publishers.data()};
    static constexpr tasker_event_subscribers_v0 subscriber_list{sizeof(tasker_event_subscribers_v0), 0,
                                                                 sizeof...(S), subscribers.data()};
    static constexpr tasker_handler_resolvers_v0 resolver_list{sizeof(tasker_handler_resolvers_v0), 0,
                                                               sizeof...(R), resolvers.data()};
    static constexpr bool any = sizeof...(P) + sizeof...(S) + sizeof...(R) > 0;

    static const void* get(const tasker_plugin_v0*, const char* id) noexcept {
        if (sizeof...(P) > 0 && std::strcmp(id, TASKER_EXT_EVENT_PUBLISHER) == 0) return &publisher_list;
        if (sizeof...(S) > 0 && std::strcmp(id, TASKER_EXT_EVENT_SUBSCRIBER) == 0) return &subscriber_list;
        if (sizeof...(R) > 0 && std::strcmp(id, TASKER_EXT_HANDLER_RESOLVER) == 0) return &resolver_list;
        return nullptr;
    }
};

}  // namespace tasker::detail
