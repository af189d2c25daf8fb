#include "handlers.hpp"

using namespace payment_flow;

TASKER_PLUGIN("payment_flow", "1.0.0", ValidatePayment, AuthorizePayment, CapturePayment, NotifyCustomer);
