// expect: a value is read as bool, an integer, a floating type, std::string, std::vector<T>
#include <tasker/sdk.hpp>
struct Address {
    std::string city;
};
#ifdef FIXED
void from_json(const tasker::json& value, Address& address) { value.at("city").get_to(address.city); }
#endif
bool has_address(const tasker::StepContext& context) {
    return context.get_input<Address>("home").has_value();
}
