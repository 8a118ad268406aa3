// Options of a whole transport: judged when they are set, given to its domain in the one form that plugins know.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "support/loopback_transport.hpp"
#include "weft/transport.hpp"

namespace weft {
namespace {

using Given = std::vector<std::pair<std::string, std::string>>;

Given& given() {
  static Given options;
  return options;
}

int domain_open(const weft_services* services, const weft_option* options, std::uint32_t count, weft_domain** out,
                weft_error* error) {
  given().clear();
  for (std::uint32_t i = 0; i < count; ++i) given().emplace_back(options[i].key, options[i].value);
  return test::loopback_transport()->domain_open(services, nullptr, 0, out, error);
}

class DomainOptions : public testing::Test {
 protected:
  DomainOptions() : table_(*test::loopback_transport()) {
    table_.options = kDeclared;
    table_.domain_open = domain_open;
    given().clear();
    EXPECT_TRUE(registry_.add(&table_));
    transport_ = registry_.find("loop", WEFT_ROLE_HOST).value();
  }
  static constexpr weft_option_info kDeclared[] = {{"memory", "size", "1M", "how much"},
                                                   {"pause", "duration", "1s", "how long"},
                                                   {"fast", "bool", "off", "whether"},
                                                   {nullptr, nullptr, nullptr, nullptr}};
  const test::LoopbackGuard guard_;
  weft_transport table_;
  const weft_services services_{};
  TransportRegistry registry_{SearchPath{}};
  Transport* transport_ = nullptr;
};

TEST_F(DomainOptions, ComeToTheDomainInTheFormOfPlugins) {
  ASSERT_TRUE(transport_->set_options(std::vector<Option>{{"memory", "16M"}, {"pause", "2m"}, {"fast", "yes"}}));
  ASSERT_TRUE(transport_->domain(services_));
  EXPECT_EQ(given(), (Given{{"memory", "16777216"}, {"pause", "120000000000"}, {"fast", "on"}}));
}

TEST_F(DomainOptions, AreNoneUnlessSet) {
  ASSERT_TRUE(transport_->domain(services_));
  EXPECT_EQ(given(), Given{});
}

TEST_F(DomainOptions, SetAgainReplaceTheFormer) {
  ASSERT_TRUE(transport_->set_options(std::vector<Option>{{"memory", "16M"}}));
  ASSERT_TRUE(transport_->set_options(std::vector<Option>{{"fast", "off"}}));
  ASSERT_TRUE(transport_->domain(services_));
  EXPECT_EQ(given(), (Given{{"fast", "off"}}));
}

TEST_F(DomainOptions, ThatAreNotDeclaredOrDoNotFitAreRefusedAndChangeNothing) {
  ASSERT_TRUE(transport_->set_options(std::vector<Option>{{"memory", "2M"}}));
  const Status unknown = transport_->set_options(std::vector<Option>{{"memry", "16M"}});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error(), Error(EINVAL, "there is no option 'memry' for loop; did you mean 'memory'?"));
  const Status misfit = transport_->set_options(std::vector<Option>{{"memory", "much"}});
  ASSERT_FALSE(misfit);
  EXPECT_NE(misfit.error().text.find("option 'memory'"), std::string::npos) << misfit.error().text;
  ASSERT_TRUE(transport_->domain(services_));
  EXPECT_EQ(given(), (Given{{"memory", "2097152"}}));
}

TEST_F(DomainOptions, CannotChangeOnceTheDomainIsOpen) {
  ASSERT_TRUE(transport_->domain(services_));
  const Status late = transport_->set_options(std::vector<Option>{{"fast", "on"}});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, EBUSY);
}

}  // namespace
}  // namespace weft
