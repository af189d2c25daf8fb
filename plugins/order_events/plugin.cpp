#include "events.hpp"
#include "handlers.hpp"

using namespace order_events;

// Handlers, publishers and subscribers, in any order.
TASKER_PLUGIN("order_events", "1.0.0", ValidateOrder, ProcessPayment, UpdateInventory, SendNotification,
              PaymentPublisher, OrderLog, FailureAlarm);
