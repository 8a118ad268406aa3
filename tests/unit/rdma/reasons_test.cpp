// Why connections fail and end, in words.
#include "plugins/rdma/reasons.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "plugins/rdma/places.hpp"
#include "plugins/rdma/private_data.hpp"

namespace weft::rdma {
namespace {

using testing::HasSubstr;

TEST(Reasons, AControllersStatusIsTold) {
  const Reason reason =
      explain_reject(kRejectByConsumer, write_reject(RejectStatus::kInvalidReadsIn), "192.0.2.1:4420");
  EXPECT_EQ(reason.code, ECONNREFUSED);
  EXPECT_EQ(reason.origin, WEFT_ORIGIN_PEER);
  EXPECT_EQ(reason.detail, 7U);
  EXPECT_THAT(reason.text, HasSubstr("192.0.2.1:4420 refused the connection"));
  EXPECT_THAT(reason.text, HasSubstr("(status 7)"));
}

TEST(Reasons, TheConnectionManagersOwnAreTold) {
  EXPECT_THAT(explain_reject(8, {}, "a").text, HasSubstr("nothing listens there"));
  EXPECT_EQ(explain_reject(8, {}, "a").code, ECONNREFUSED);
  EXPECT_THAT(explain_reject(kRejectStaleConnection, {}, "a").text, HasSubstr("old connection"));
  EXPECT_THAT(explain_reject(kRejectByConsumer, {}, "a").text, HasSubstr("no reason"));
  EXPECT_THAT(explain_reject(33, {}, "a").text, HasSubstr("reason 33"));
}

TEST(Reasons, PrivateDataOfARejectThatIsNotTheControllersIsNotRead) {
  EXPECT_EQ(explain_reject(8, write_reject(RejectStatus::kNoResources), "a").detail, 0U);
}

ibv_wc bad(ibv_wc_status status, std::uint32_t vendor_error = 0) {
  ibv_wc completion{};
  completion.status = status;
  completion.vendor_err = vendor_error;
  return completion;
}

TEST(Reasons, ABadCompletionSaysWhoIsAtFault) {
  EXPECT_EQ(explain_completion(bad(IBV_WC_RETRY_EXC_ERR), "host").code, ETIMEDOUT);
  EXPECT_EQ(explain_completion(bad(IBV_WC_RNR_RETRY_EXC_ERR), "host").origin, WEFT_ORIGIN_PEER);
  EXPECT_EQ(explain_completion(bad(IBV_WC_REM_ACCESS_ERR), "host").origin, WEFT_ORIGIN_PROTOCOL);
  EXPECT_EQ(explain_completion(bad(IBV_WC_WR_FLUSH_ERR), "host").code, ECONNRESET);
  EXPECT_THAT(explain_completion(bad(IBV_WC_FATAL_ERR), "host").text, HasSubstr("gave up on the host"));
}

TEST(Reasons, ABadCompletionHasItsStatusInWordsAndTheVendorsNumber) {
  EXPECT_EQ(explain_completion(bad(IBV_WC_RETRY_EXC_ERR, 0x81), "host").text,
            "the host does not acknowledge what is sent to it (transport retry counter exceeded, vendor error 0x81)");
  EXPECT_EQ(explain_completion(bad(IBV_WC_LOC_PROT_ERR), "host").text,
            "the device gave up on the host (local protection error)");
}

TEST(Reasons, AnEventOfADeviceHasItsNameAndWords) {
  EXPECT_EQ(explain_event(IBV_EVENT_PORT_ERR), "PORT_ERR (the port is down)");
  EXPECT_THAT(explain_event(IBV_EVENT_SM_CHANGE), HasSubstr("SM change"));
}

TEST(Places, WhoIsGoneIsNotFoundByAnOldNumber) {
  Places<int> places;
  int one = 1, two = 2;
  const std::uint32_t first = places.enter(one);
  EXPECT_EQ(places.find(first), &one);
  places.leave(first);
  EXPECT_EQ(places.find(first), nullptr);
  const std::uint32_t second = places.enter(two);
  EXPECT_NE(second, first);
  EXPECT_EQ(places.find(second), &two);
  EXPECT_EQ(places.find(first), nullptr);
  EXPECT_EQ(places.find(12345), nullptr);
}

}  // namespace
}  // namespace weft::rdma
