// The whole way once: Connect, enable, Identify, I/O queue, write, read.
#include "bench.hpp"

namespace weft::test {
namespace {

class FirstLight : public Bench {};

TEST_F(FirstLight, WritesAndReadsBack) {
  serve();
  CapsuleHost& a = admin();
  EXPECT_NE(cntlid_, 0);
  nvme::IdentifyController id;
  ASSERT_TRUE(a.call(wire::identify({}), {}, bytes_of(id)).ok());
  EXPECT_EQ(id.cntlid, cntlid_);
  ASSERT_TRUE(a.call(wire::set_features(nvme::feature::kNumberOfQueues, 0)).ok());
  CapsuleHost& q = io();
  const auto out = pattern(8 * 512);
  ASSERT_TRUE(q.call(wire::write(1, 16, 8), out).ok());
  EXPECT_EQ(storage_->content(16, 8), out);
  std::vector<std::byte> in(out.size());
  const Reply reply = q.call(wire::read(1, 16, 8), {}, in);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(in, out);
  EXPECT_EQ(storage_->borrowed(), 0u);
}

TEST_F(FirstLight, LargeTransfersTakeSeveralSegments) {
  serve();
  admin();
  CapsuleHost& q = io();
  const auto out = pattern(512 * 512);
  ASSERT_TRUE(q.call(wire::write(1, 100, 512), out).ok());
  std::vector<std::byte> in(out.size());
  ASSERT_TRUE(q.call(wire::read(1, 100, 512), {}, in).ok());
  EXPECT_EQ(in, out);
}

}  // namespace
}  // namespace weft::test
