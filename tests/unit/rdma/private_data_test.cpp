// The private data of request, reply and reject: what we write is what the specification says, and each wrong shape of a
// request has its status.
#include "plugins/rdma/private_data.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace weft::rdma {
namespace {

using testing::HasSubstr;

std::vector<std::byte> bytes(std::initializer_list<int> values, std::size_t length) {
  std::vector<std::byte> out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  out.resize(length);
  return out;
}

template <std::size_t N>
std::vector<std::byte> bytes(const std::array<std::byte, N>& values) {
  return {values.begin(), values.end()};
}

TEST(PrivateData, ARequestLiesAsTheSpecificationSays) {
  EXPECT_EQ(bytes(write_request({.qid = 0x0102, .host_receives = 0x0304, .host_sends = 0x0506, .cntlid = 0x0708})),
            bytes({0, 0, 2, 1, 4, 3, 5, 5, 8, 7}, 32));
}

TEST(PrivateData, ARequestComesBackAsItWas) {
  const Request request{.qid = 7, .host_receives = 128, .host_sends = 65536, .cntlid = 9};
  EXPECT_EQ(read_request(write_request(request)), request);
}

TEST(PrivateData, ARequestMayBePadded) {
  std::vector<std::byte> padded = bytes(write_request({.qid = 0, .host_receives = 32, .host_sends = 32}));
  padded.resize(56);
  EXPECT_TRUE(read_request(padded));
}

TEST(PrivateData, EachWrongShapeOfARequestHasItsStatus) {
  const std::vector<std::byte> good = bytes({0, 0, 1, 0, 32, 0, 31, 0}, 32);
  ASSERT_TRUE(read_request(good));
  EXPECT_EQ(read_request({}).error(), RejectStatus::kInvalidLength);
  EXPECT_EQ(read_request(std::span(good).first(31)).error(), RejectStatus::kInvalidLength);
  EXPECT_EQ(read_request(bytes({1, 0, 1, 0, 32, 0, 31, 0}, 32)).error(), RejectStatus::kInvalidFormat);
  EXPECT_EQ(read_request(bytes({0, 1, 1, 0, 32, 0, 31, 0}, 32)).error(), RejectStatus::kInvalidFormat);
  EXPECT_EQ(read_request(bytes({0, 0, 1, 0, 0, 0, 31, 0}, 32)).error(), RejectStatus::kInvalidHostReceiveSize);
  EXPECT_EQ(read_request(bytes({0, 0, 1, 0, 32, 0, 0, 0}, 32)).error(), RejectStatus::kInvalidHostSendSize);
}

TEST(PrivateData, TheLowestBadFieldIsTold) {
  EXPECT_EQ(read_request(bytes({2, 0, 1, 0, 0, 0, 0, 0}, 32)).error(), RejectStatus::kInvalidFormat);
  EXPECT_EQ(read_request(bytes({0, 0, 1, 0, 0, 0, 0, 0}, 32)).error(), RejectStatus::kInvalidHostReceiveSize);
}

TEST(PrivateData, AReplyComesBackAsItWas) {
  EXPECT_EQ(bytes(write_reply(0x0102)), bytes({0, 0, 2, 1}, 32));
  EXPECT_EQ(read_reply(write_reply(128)), 128);
}

TEST(PrivateData, EachWrongShapeOfAReplyHasItsSentence) {
  EXPECT_THAT(read_reply({}).error(), HasSubstr("0 bytes of private data, 32 are needed"));
  EXPECT_THAT(read_reply(bytes({3, 0, 8, 0}, 32)).error(), HasSubstr("format 3"));
  EXPECT_THAT(read_reply(bytes({0, 0, 0, 0}, 32)).error(), HasSubstr("CRQSIZE 0"));
}

TEST(PrivateData, ARejectSaysItsStatusOrNothing) {
  EXPECT_EQ(bytes(write_reject(RejectStatus::kNoResources)), bytes({0, 0, 6, 0}, 4));
  EXPECT_EQ(read_reject(bytes({0, 0, 6, 0}, 148)), 6);
  EXPECT_EQ(read_reject(bytes({0, 0, 6}, 3)), 0);
  EXPECT_EQ(read_reject(bytes({1, 0, 6, 0}, 148)), 0);
}

TEST(PrivateData, EachStatusHasWordsOfItsOwn) {
  std::vector<std::string> all;
  for (std::uint16_t status = 1; status <= 9; ++status) {
    const std::string words = explain(status);
    EXPECT_THAT(words, HasSubstr("(status " + std::to_string(status) + ")"));
    all.push_back(words.substr(0, words.find(" (")));
  }
  std::ranges::sort(all);
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
  EXPECT_THAT(explain(77), HasSubstr("no reason that is known"));
}

}  // namespace
}  // namespace weft::rdma
