#include "handlers.hpp"

using namespace order_fulfillment;

TASKER_PLUGIN("order_fulfillment", "1.0.0", ValidateOrder, ReserveInventory, AuthorizePayment, ShipOrder,
              NotifyCustomer);
